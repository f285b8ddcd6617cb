// The commands of omma, one function each: they take what was written on the command line and give
// an ExitCode.
#pragma once

#include "apps/omma/cluster_home.hpp"
#include "apps/omma/exit_code.hpp"
#include "runtime/node/app.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace omma {

struct CommonOptions {
  std::string cluster;  // Empty: the only one.
  bool json = false;
};

struct RunOptions {
  std::string app;
  std::string session;
  std::string module;           // A file for the head to load the app from; empty for none.
  std::string out;              // A file of JSON Lines; empty for none.
  std::set<std::string> kinds;  // Shown; empty for all.
  bool detach = false;
  bool quiet = false;              // Progress and summary, no rows.
  bool durable = false;            // Videos of the user's own: no crash loses or repeats a frame.
  std::vector<std::string> words;  // The app's own parameters, as written.
};

struct QueryOptions {
  std::string session;
  std::string out;
  std::set<std::string> kinds;
  std::uint64_t from_cursor = 0;
  bool now = false;   // What is there, then end.
  bool stop = false;  // End the session afterwards.
};

int up_command(const CommonOptions& common, const std::string& file,
               const std::vector<std::string>& settings, bool verbose);
int down_command(const CommonOptions& common);
int run_command(const CommonOptions& common, const RunOptions& options);
int query_command(const CommonOptions& common, const QueryOptions& options);
int stop_command(const CommonOptions& common, const std::string& session);
int ps_command(const CommonOptions& common);
int nodes_command(const CommonOptions& common);
int ledger_command(const CommonOptions& common, bool details);
// Prints the folder with the cluster's sockets, logs and data.
int where_command(const CommonOptions& common);
int models_command(const CommonOptions& common);
int apps_command(const CommonOptions& common);

// An actor is named as omma ps shows it: TYPE/NAME, NAME, or the first digits of its id.
// exit_failed, with why, when it was refused or called off; the actor then runs on where it was.
int move_command(const CommonOptions& common, const std::string& actor, const std::string& node,
                 const std::string& reason);
// Cordons the node and moves away what may move; ends nothing.
int drain_command(const CommonOptions& common, const std::string& node);
int cordon_command(const CommonOptions& common, const std::string& node, bool on);
int pin_command(const CommonOptions& common, const std::string& actor, bool on);
// The latest first.
int moves_command(const CommonOptions& common, std::uint32_t count_max);

struct TraceOptions {
  std::string frame;          // CAMERA/NUMBER; empty with `slowest`.
  std::uint32_t slowest = 0;  // So many of the slowest frames that are remembered.
  std::string export_file;    // For Perfetto; empty for none.
};
// Where the time of a frame went, hop by hop.
int trace_command(const CommonOptions& common, const TraceOptions& options);

// Writes the folder of a new app; needs no cluster.
int new_command(const CommonOptions& common, const std::string& name, const std::string& folder);

// Checks this machine, and with a cluster file whether it is fit for that; exit_failed if something
// has to be done first. Needs no cluster.
int doctor_command(const CommonOptions& common, const std::string& file,
                   const std::vector<std::string>& settings);

// For completion scripts: prints what a word of this kind may be, one a line. Knows nothing rather
// than take longer than 300 ms, and never fails.
int values_command(const CommonOptions& common, const std::string& kind, const std::string& about);

// Cuts a part out of a video and codes it as H.264: a camera of its own. Needs no cluster.
int clip_command(const std::string& source, const std::string& out, const std::string& window,
                 std::uint64_t frames_max);

// "--camera lobby --line door=1,2:3,4" -> parameters.
Result<Parameters> parse_parameters(const std::vector<std::string>& words);

// Prints the error for a person, or as {"error": ...}; gives the code back.
int report(const CommonOptions& common, const Error& error, ExitCode code = exit_failed);

}  // namespace omma
