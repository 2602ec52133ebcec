// ApiService: keys, transactions, compaction, sessions, and what concerns the node itself.
//
// Writes go through the proposer and the log; reads through the read barrier (not if serializable) and then,
// in steps, through a snapshot. Errors: each row of the error table, word for word; details apart from the
// text. Thread rule: the reactor. Borrows the node; owns the calls until they are answered.
#pragma once

#include <memory>
#include <string>

#include "server/service.h"
#include "server/services/job_runner.h"
#include "server/services/read_jobs.h"

namespace revd {

class ApiService {
 public:
  // `version`: of the program, for the status.
  ApiService(Node& node, std::string version);

  void handle(Call& call, const PutRequest& request);
  void handle(Call& call, const DeleteRangeRequest& request);
  void handle(Call& call, const TxnRequest& request);
  void handle(Call& call, const CompactRequest& request);
  void handle(Call& call, const SessionOpenRequest& request);
  void handle(Call& call, const SessionCloseRequest& request);
  void handle(Call& call, const SessionKeepAliveRequest& request);
  void handle(Call& call, RangeRequest& request);
  void handle(Call& call, RangePagesRequest& request);
  void handle(Call& call, const HashRequest& request);
  void handle(Call& call, const SnapshotRequest& request);
  void handle(Call& call, const StatusRequest& request);
  void handle(Call& call, const AlarmRequest& request);

  // Reads that are under way.
  size_t reads() const { return runner_.size(); }

 private:
  // Runs the job after the read barrier, or at once.
  void start_read(std::unique_ptr<ReplyJob> job, bool linearizable);
  StatusResponse status() const;
  void disarm(std::unique_ptr<Reply> reply, const Alarm& which);

  Node& node_;
  std::string version_;
  Instant started_;
  JobRunner runner_;
};

}  // namespace revd
