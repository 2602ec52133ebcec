// crash: power cuts at every I/O of random workloads on the simulated disk, seed by seed.
//
//   crash [--seeds A..B] [--operations N] [--mutant NAME]
//
// Ends in one machine-readable line; exits 1 on any failure. --mutant is there in the mutation build.
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/mutant.h"
#include "tests/crash/backend_crash.h"

namespace {

int usage(const char* problem) {
  std::fprintf(stderr, "crash: %s\nusage: crash [--seeds A..B] [--operations N] [--mutant NAME]\n", problem);
  return 2;
}

bool parse(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t first = 0;
  uint64_t last = 50;
  revd::crash::CrashOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) return usage("every option needs a value");
    const std::string_view value = argv[++i];
    if (flag == "--seeds") {
      const size_t dots = value.find("..");
      if (dots == std::string_view::npos || !parse(value.substr(0, dots), first) ||
          !parse(value.substr(dots + 2), last) || last < first)
        return usage("--seeds wants A..B, like 0..50");
    } else if (flag == "--operations") {
      uint64_t number = 0;
      if (!parse(value, number) || number == 0 || number > 1'000'000)
        return usage("--operations wants 1 to 1000000");
      options.operations = static_cast<uint32_t>(number);
    } else if (flag == "--mutant") {
#ifdef REVD_MUTATION
      revd::set_active_mutant(value);
#else
      return usage("--mutant needs the mutation build (crash_mutation)");
#endif
    } else {
      return usage("unknown option");
    }
  }
  revd::crash::CrashReport total;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const revd::crash::CrashReport report = revd::crash::run_backend_seed(seed, options);
    for (const std::string& finding : report.findings) std::printf("FAILED: %s\n", finding.c_str());
    std::fflush(stdout);
    total.add(report);
  }
  std::printf(
      "damaged_superblocks=%lu fallbacks=%lu continued=%lu clean_reopens=%lu checkpoints=%lu kept_tails=%lu "
      "torn_tails=%lu\n",
      total.damaged_superblocks, total.fallbacks, total.continued, total.clean_reopens, total.checkpoints,
      total.kept_tails, total.torn_tails);
  std::printf("seeds=%lu crash_points=%lu failures=%zu\n", last - first + 1, total.crash_points,
              total.findings.size());
  return total.findings.empty() ? 0 : 1;
}
