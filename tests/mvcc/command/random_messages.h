// Random requests, responses and commands, for round trips and for fuzzing by mutation.
//
// Functions of the Random alone. Every field takes its default now and then.
#pragma once

#include <string>
#include <tuple>
#include <variant>

#include "base/random.h"
#include "mvcc/command/codec_traits.h"
#include "mvcc/command/command.h"

namespace revd {

// Fills `value` with something random; transactions nest at most `depth` more times.
template <typename T>
void randomize(Random& random, T& value, int depth);

namespace random_messages {

inline std::string bytes(Random& random) {
  std::string out(random.below(random.chance(1, 8) ? 300 : 6), '\0');
  for (char& c : out) c = static_cast<char>(random.below(256));
  return out;
}

template <typename Variant>
void alternative(Random& random, Variant& value, int depth) {
  constexpr size_t count = std::variant_size_v<Variant>;
  const size_t which = 1 + random.below(count - 1);
  [&]<size_t... Index>(std::index_sequence<Index...>) {
    (void)((which == Index + 1 && (randomize(random, value.template emplace<Index + 1>(), depth), true)) ||
           ...);
  }(std::make_index_sequence<count - 1>{});
}

}  // namespace random_messages

template <typename T>
void randomize(Random& random, T& value, int depth) {
  if (random.chance(1, 4)) return;
  if constexpr (std::same_as<T, bool>) {
    value = true;
  } else if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(random.below(std::min<uint64_t>(codec::kLargest<T>, 4) + 1));
  } else if constexpr (codec::Number<T>) {
    value = static_cast<T>(random.next() >> random.below(64));
  } else if constexpr (codec::IsStrongId<T>::value) {
    value = T(static_cast<typename codec::IsStrongId<T>::Number>(random.next() >> random.below(64)));
  } else if constexpr (std::same_as<T, std::string>) {
    value = random_messages::bytes(random);
  } else if constexpr (codec::IsOptional<T>::value) {
    randomize(random, value.emplace(), depth);
  } else if constexpr (codec::IsVector<T>::value) {
    const uint64_t count = depth > 0 ? random.below(4) : 0;
    for (uint64_t i = 0; i < count; ++i) randomize(random, value.emplace_back(), depth - 1);
  } else if constexpr (codec::IsVariant<T>::value) {
    random_messages::alternative(random, value, depth);
  } else if constexpr (Union<T>) {
    randomize(random, value.one_of, depth);
  } else {
    std::apply([&](auto... member) { (randomize(random, value.*member, depth), ...); }, T::fields());
  }
}

inline Command random_command(Random& random) {
  Command command;
  randomize(random, command.header, 4);
  while (command.body.index() == 0) random_messages::alternative(random, command.body, 4);
  return command;
}

}  // namespace revd
