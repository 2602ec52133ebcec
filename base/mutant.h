// MUTANT(Name): a known bug that tests must be able to find.
//
// `if (MUTANT(AckBeforeFsync)) ...` is constant false and costs nothing, except in the mutation
// build (REVD_MUTATION), where set_active_mutant chooses one bug for the whole process. A mutant
// is five lines at most where it stands. Tests: tests/crash, tests/wal.
#pragma once

#include <string_view>

namespace revd {

#ifdef REVD_MUTATION
inline std::string_view active_mutant_name;  // NOLINT: one choice per process, made before any work
inline bool mutant_active(std::string_view name) { return name == active_mutant_name; }
// `name` must outlive every later use, so hand in a literal or a command-line argument.
inline void set_active_mutant(std::string_view name) { active_mutant_name = name; }
#else
constexpr bool mutant_active(std::string_view) { return false; }
#endif

}  // namespace revd

#define MUTANT(Name) (::revd::mutant_active(#Name))  // NOLINT(cppcoreguidelines-macro-usage)
