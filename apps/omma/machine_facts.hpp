// What omma doctor sees of a machine, as plain values, and the looking itself. What is seen is
// judged elsewhere (doctor_checks.hpp), so that a test can describe any machine.
//
// Looking blocks for up to a second or two, leaves nothing behind, and needs no cluster.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/library_version.hpp"
#include "runtime/base/time.hpp"
#include "runtime/placement/cluster_file.hpp"

namespace omma {

struct CodecFacts {
  enum class Kind : std::uint8_t { decoder, encoder };
  Kind kind = Kind::decoder;
  std::string name;
  bool needed = false;  // By every installation, not only by cameras that send it.
  bool there = false;
};

// Something was tried out, at a place.
struct AttemptFacts {
  std::string where;
  Result<void> tried;
};

// Where a node of the cluster file wants to listen.
struct AddressFacts {
  enum class State : std::uint8_t { free, busy, elsewhere, impossible };
  std::string node;
  std::string address;
  State state = State::free;
  std::string why;            // The system's words, for `impossible`.
  bool cluster_runs = false;  // The cluster of the file is up: then it is its own.
};

struct DescriptorFacts {
  std::uint64_t soft_max = 0;
  std::uint64_t hard_max = 0;
};

struct MemoryFacts {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::uint64_t swap_used_bytes = 0;
};

struct SharedMemoryFacts {
  Result<void> memfd;
  std::optional<std::uint64_t> dev_shm_free_bytes;  // None when there is no /dev/shm.
};

struct ClockFacts {
  std::string source;  // "tsc"; empty when the kernel does not say.
  Duration resolution{};
  // Of the same stretch of time.
  Duration steady_passed{};
  Duration wall_passed{};
  int wall_year = 0;
  std::optional<bool> synchronised;  // None when the kernel does not say.
};

struct FolderFacts {
  std::string what;               // "data of node box"
  std::filesystem::path folder;   // May be made yet:
  std::filesystem::path nearest;  // the nearest folder above that is there, where it was tried.
  Result<void> written;
  std::uint64_t free_bytes = 0;
  bool in_memory = false;  // Gone with the next start of the machine.
};

struct CommitFacts {
  std::filesystem::path folder;
  Result<void> tried;
  Duration median{};
  Duration worst{};
};

struct KernelFacts {
  std::string release;
  bool network_namespaces = false;
};

struct ModelFolderFacts {
  std::filesystem::path folder;
  bool there = false;
  std::vector<std::string> good;
  std::vector<Error> refused;
};

struct ClusterFileFacts {
  std::filesystem::path file;
  Result<ClusterFile> read;
};

struct NamedFileFacts {
  std::string what;  // "video of camera east"
  std::filesystem::path file;
  bool readable = false;
};

struct MachineFacts {
  std::vector<LibraryVersion> libraries;
  std::vector<CodecFacts> codecs;
  AttemptFacts unix_socket;
  AttemptFacts loopback;
  DescriptorFacts descriptors;
  Result<MemoryFacts> memory = MemoryFacts{};
  unsigned cores = 0;
  SharedMemoryFacts shared_memory;
  ClockFacts clock;
  KernelFacts kernel;
  std::vector<FolderFacts> folders;
  std::vector<CommitFacts> commits;  // One a file system.
  // With a cluster file:
  std::optional<ClusterFileFacts> cluster_file;
  std::vector<AddressFacts> addresses;
  std::vector<ModelFolderFacts> models;
  std::vector<NamedFileFacts> named_files;
};

// From the text of /proc/meminfo; corrupt when it has other lines than expected.
Result<MemoryFacts> parse_memory(const std::string& text);

// `cluster_file` is empty for none.
MachineFacts look_at_machine(const std::filesystem::path& cluster_file,
                             const ClusterVariables& variables);

}  // namespace omma
