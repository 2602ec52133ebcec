#include "tests/sim/world.h"

#include "base/strings.h"

namespace revd {

SimProcess::Life::Life(SimProcess& process, std::shared_ptr<SimIncarnation> as)
    : incarnation(std::move(as)),
      disk(process.loop_, incarnation, *process.medium_, process.random_.fork()),
      executor(process.loop_, incarnation, process.clock_, process.random_.fork()),
      network(process.fabric_, incarnation, process.host_),
      random(process.random_.fork()),
      env{.clock = process.clock_,
          .disk = disk,
          .network = network,
          .executor = executor,
          .logger = process.logger_,
          .random = random} {}

SimProcess::SimProcess(SimLoop& loop, SimFabric& fabric, uint32_t number, std::string host,
                       std::shared_ptr<SimMedium> medium, Random random)
    : loop_(loop),
      fabric_(fabric),
      number_(number),
      host_(std::move(host)),
      medium_(medium ? std::move(medium) : std::make_shared<SimMedium>()),
      random_(random),
      clock_(loop),
      logger_(loop, number, host_) {
  begin_life();
}

SimProcess::~SimProcess() = default;

void SimProcess::begin_life() {
  auto incarnation = std::make_shared<SimIncarnation>();
  incarnation->process = number_;
  incarnation->number = static_cast<uint32_t>(lives_.size() + 1);
  auto next = std::make_unique<Life>(*this, std::move(incarnation));
  if (!lives_.empty()) {
    next->disk.faults = life().disk.faults;
    next->disk.latency = life().disk.latency;
  }
  next->disk.on_crash_point([this] { power_cut(); });
  lives_.push_back(std::move(next));
  fabric_.set_powered(host_, true);
  loop_.note(SimEventKind::kProcess, number_, life().incarnation->number);
}

void SimProcess::end_life(std::string_view how) {
  CHECK_MSG(running(), host_);
  life().incarnation->alive = false;
  loop_.note(SimEventKind::kProcess, number_, xxh3_64(as_bytes(how)));
}

void SimProcess::kill() {
  end_life("kill");
  medium_->kill(number_, random_);
  fabric_.process_died(*life().incarnation);
}

void SimProcess::power_cut() {
  end_life("power cut");
  *medium_ = medium_->crash(random_, crash_options);
  fabric_.set_powered(host_, false);
}

void SimProcess::start() {
  CHECK_MSG(!running(), host_);
  begin_life();
}

void SimProcess::pause() {
  life().incarnation->paused = true;
  loop_.note(SimEventKind::kProcess, number_, xxh3_64(as_bytes("pause")));
}

void SimProcess::resume() {
  life().incarnation->paused = false;
  loop_.resume(*life().incarnation);
  loop_.note(SimEventKind::kProcess, number_, xxh3_64(as_bytes("resume")));
}

SimWorld::SimWorld(uint64_t seed)
    : random_(seed), process_seeds_(random_.fork()), fabric_(loop_, random_.fork()) {}

SimWorld::~SimWorld() {
  // Tasks and callbacks that never ran may own objects that call their Env when they go; it is inert.
  for (const std::unique_ptr<SimProcess>& process : processes_) process->retire();
  loop_.clear();
  fabric_.clear();
}

SimProcess& SimWorld::add_process(const std::string& host, std::shared_ptr<SimMedium> medium) {
  const auto number = static_cast<uint32_t>(processes_.size() + 1);
  processes_.push_back(
      std::make_unique<SimProcess>(loop_, fabric_, number, host, std::move(medium), process_seeds_.fork()));
  return *processes_.back();
}

void SimWorld::after(Duration delay, Task task) {
  loop_.schedule(nullptr, SimEventKind::kScript, delay.count(), std::move(task));
}

bool SimWorld::run_until(const std::function<bool()>& done, uint64_t events_max) {
  for (uint64_t events = 0; !done(); ++events)
    if (events >= events_max || !loop_.step()) return false;
  return true;
}

void SimWorld::run_for(Duration time) {
  bool over = false;
  after(time, [&over] { over = true; });
  run_until([&over] { return over; });
}

std::string SimWorld::logs() const {
  std::string text;
  for (const std::unique_ptr<SimProcess>& process : processes_)
    for (const std::string& line : process->logger().lines()) text += line + "\n";
  return text;
}

}  // namespace revd
