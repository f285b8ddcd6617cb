// What omma doctor thinks of a machine: one small function a check, from what was seen
// (machine_facts.hpp) to a line that says how it is, what was found and what to do.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/omma/machine_facts.hpp"

namespace omma {

struct Finding {
  // note: neither good nor bad.
  enum class State : unsigned char { ok, note, warning, failed };
  State state = State::ok;
  std::string topic;   // "memory"
  std::string found;   // "3.1 GB available, no swap"
  std::string remedy;  // What to do; empty when there is nothing to be done.
};

std::string_view to_string(Finding::State state);

Finding check_library(const LibraryVersion& library);
Finding check_codec(const CodecFacts& codec);
Finding check_unix_socket(const AttemptFacts& socket);
Finding check_loopback(const AttemptFacts& loopback);
Finding check_address(const AddressFacts& address);
Finding check_descriptors(const DescriptorFacts& descriptors);
Finding check_memory(const MemoryFacts& memory);
Finding check_cores(unsigned cores);
Finding check_shared_memory(const SharedMemoryFacts& shared);
Finding check_clock(const ClockFacts& clock);
// The wall clock, which only people read.
Finding check_wall_clock(const ClockFacts& clock);
Finding check_folder(const FolderFacts& folder);
Finding check_commit_time(const CommitFacts& commits);
Finding check_kernel(const KernelFacts& kernel);
// One line for a folder's good models, and one for each that is refused.
std::vector<Finding> check_models(const ModelFolderFacts& models);
Finding check_cluster_file(const ClusterFileFacts& file);
// A file that the cluster file names: a video, a certificate, an app module.
Finding check_named_file(const NamedFileFacts& file);

// All of them, in the order in which a person would ask.
std::vector<Finding> check_machine(const MachineFacts& facts);

}  // namespace omma
