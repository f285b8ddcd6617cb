// What the omma command exits with; `omma --help` lists them.
#pragma once

namespace omma {

enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,      // The cluster refused or could not; the message says why.
  exit_usage = 2,       // The command line or cluster file is wrong.
  exit_no_cluster = 3,  // No cluster runs, or it cannot be reached.
  exit_law_broken = 4,  // The ledger does not add up.
};

}  // namespace omma
