#include "base/ids.h"

#include "base/bytes.h"

namespace revd {

uint64_t Uuid::short_form() const { return load_le<uint64_t>(bytes.data()); }

std::string Uuid::to_string() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace revd
