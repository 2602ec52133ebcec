// JobRunner: reads that take long, in steps that never hold the reactor for long.
//
// A job answers its caller by itself. The runner calls its steps: at once while it is able to go on, again
// after others had their turn (kAgain), after a page was loaded (kBlocked), or when somebody calls run()
// again (kWaiting: for the read barrier, or for the caller's credit). Thread rule: the reactor. Owns the
// jobs; borrows the node. Destroying it drops its jobs, and with them their replies. Errors: a page that
// can't be read goes to Job::fail.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "mvcc/step.h"
#include "server/node/node.h"

namespace revd {

class Job {
 public:
  enum class State : uint8_t { kAgain, kBlocked, kWaiting, kDone };

  virtual ~Job() = default;
  virtual State step(StepBudget& budget) = 0;
  // After kBlocked.
  virtual const PageRequest& missing() const = 0;
  // Answers the error; the job is over.
  virtual void fail(const Error& error) = 0;
  // Nobody waits for it any more.
  virtual bool gone() const = 0;
};

class JobRunner {
 public:
  using Id = uint64_t;

  explicit JobRunner(Node& node) : node_(node) {}
  ~JobRunner() { *alive_ = false; }
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // Takes a job; run() begins it.
  Id add(std::unique_ptr<Job> job);
  // Goes on with it, unless it is over or goes on by itself.
  void run(Id id);
  // A task that does that, for replies; it outlives the runner and the job.
  Task resume(Id id);
  // Answers the error and drops it, if it isn't over. The second is a task that does that.
  void fail(Id id, const Error& error);
  std::move_only_function<void(const Error&)> fail_task(Id id);
  size_t size() const { return jobs_.size(); }

 private:
  struct Entry {
    std::unique_ptr<Job> job;
    bool busy = false;  // posted, or loading: goes on by itself
  };

  void load(Id id, const PageRequest& missing);
  void post(Id id);
  void drop(std::map<Id, Entry>::iterator at);

  Node& node_;
  std::map<Id, Entry> jobs_;
  Id last_id_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace revd
