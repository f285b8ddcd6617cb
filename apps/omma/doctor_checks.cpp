#include "apps/omma/doctor_checks.hpp"

#include <cstdio>
#include <iterator>

namespace omma {
namespace {

using State = Finding::State;

constexpr std::uint64_t megabyte = 1'000'000;
constexpr std::uint64_t gigabyte = 1'000 * megabyte;
// A node holds a few descriptors for each camera, peer and client; a thousand is what Debian gives
// and what a handful of cameras fill half of.
constexpr std::uint64_t descriptors_needed = 256;
constexpr std::uint64_t descriptors_wanted = 1024;
// One node with the detector that ships takes about 250 MB.
constexpr std::uint64_t memory_needed = 300 * megabyte;
constexpr std::uint64_t memory_wanted = gigabyte;
constexpr std::uint64_t shared_memory_wanted = 64 * megabyte;
// The directory's log alone may take some 10 MB; results and recordings take what they take.
constexpr std::uint64_t disk_needed = 100 * megabyte;
constexpr std::uint64_t disk_wanted = gigabyte;
// Each change of the directory waits for one commit: a placement has several.
constexpr Duration commit_wanted = std::chrono::milliseconds(5);
constexpr Duration resolution_wanted = std::chrono::microseconds(1);
// By which the wall clock may leave the steady one in a fraction of a second.
constexpr Duration step_max = std::chrono::milliseconds(5);
constexpr int first_sensible_year = 2024;

Finding finding(State state, std::string topic, std::string found, std::string remedy = {}) {
  return {state, std::move(topic), std::move(found), std::move(remedy)};
}

std::string bytes_text(std::uint64_t bytes) {
  char text[32];
  const bool large = bytes >= gigabyte;
  std::snprintf(text, sizeof text, large ? "%.1f GB" : "%.0f MB",
                static_cast<double>(bytes) / static_cast<double>(large ? gigabyte : megabyte));
  return text;
}

std::string milliseconds_text(Duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", static_cast<double>(time.count()) / 1e6);
  return text;
}

struct Version {
  int major = 0;
  int minor = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

std::optional<Version> parse_version(const std::string& text) {
  Version version;
  if (std::sscanf(text.c_str(), "%d.%d", &version.major, &version.minor) != 2) return std::nullopt;
  return version;
}

Finding attempt(const char* topic, const AttemptFacts& facts, const char* remedy) {
  if (facts.tried) return finding(State::ok, topic, facts.where);
  return finding(State::failed, topic, facts.where + ": " + facts.tried.error().message, remedy);
}

}  // namespace

std::string_view to_string(Finding::State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::note:
      return "note";
    case State::warning:
      return "warning";
    case State::failed:
      return "failed";
  }
  return "?";
}

Finding check_library(const LibraryVersion& library) {
  if (library.loaded.empty()) {
    return finding(State::warning, library.name,
                   "built with " + library.compiled + ", the one loaded does not say its version",
                   "if omma misbehaves, build it again on this machine");
  }
  const auto compiled = parse_version(library.compiled);
  const auto loaded = parse_version(library.loaded);
  // Debian's LibTorch 1.13.1 calls its file 1.13.0: the third number is of no interest.
  const bool fits =
      compiled && loaded &&
      (*compiled == *loaded ||
       (library.newer_fits && compiled->major == loaded->major && *compiled < *loaded));
  if (!fits) {
    return finding(State::failed, library.name,
                   "built with " + library.compiled + ", loaded " + library.loaded,
                   "install the version that omma was built with, or build omma again here");
  }
  return finding(State::ok, library.name,
                 library.compiled == library.loaded
                     ? library.loaded
                     : library.loaded + " (built with " + library.compiled + ")");
}

Finding check_codec(const CodecFacts& codec) {
  const bool decodes = codec.kind == CodecFacts::Kind::decoder;
  const std::string topic = codec.name + (decodes ? " decoder" : " encoder");
  if (codec.there) return finding(State::ok, topic, "there");
  return finding(codec.needed ? State::failed : State::warning, topic,
                 decodes ? "missing: video of this kind cannot be read"
                         : "missing: --record and omma clip cannot write",
                 "install a whole FFmpeg (Debian: libavcodec-extra)");
}

Finding check_unix_socket(const AttemptFacts& socket) {
  return attempt("Unix socket", socket,
                 "set OMMA_HOME to a short path (a socket's has at most 107 bytes) of a folder on "
                 "a local disk that you may write");
}

Finding check_loopback(const AttemptFacts& loopback) {
  return attempt(
      "loopback TCP", loopback,
      "bring up the loopback interface: ip link set lo up; and let no firewall block it");
}

Finding check_address(const AddressFacts& address) {
  const std::string topic = "address of " + address.node;
  switch (address.state) {
    case AddressFacts::State::free:
      return finding(State::ok, topic, address.address + " is free");
    case AddressFacts::State::busy:
      if (address.cluster_runs) {
        return finding(State::ok, topic,
                       address.address + " is in use by this cluster, which runs");
      }
      return finding(State::failed, topic, address.address + " is in use by another process",
                     "end what listens there (ss -lptn shows it), or choose another address");
    case AddressFacts::State::elsewhere:
      return finding(State::note, topic,
                     address.address + " is no address of this machine: a node for another one");
    case AddressFacts::State::impossible:
      break;
  }
  return finding(State::failed, topic, address.address + ": " + address.why,
                 "write unix:/a/short/path or host:port, with a port from 1024 on");
}

Finding check_descriptors(const DescriptorFacts& descriptors) {
  const std::string found = std::to_string(descriptors.soft_max) +
                            " open files, may be raised to " + std::to_string(descriptors.hard_max);
  const State state = descriptors.soft_max < descriptors_needed   ? State::failed
                      : descriptors.soft_max < descriptors_wanted ? State::warning
                                                                  : State::ok;
  return finding(state, "file descriptors", found,
                 state == State::ok ? ""
                                    : "ulimit -n " + std::to_string(descriptors_wanted) +
                                          " before omma up, or LimitNOFILE= of its service");
}

Finding check_memory(const MemoryFacts& memory) {
  const std::string found =
      bytes_text(memory.available_bytes) + " of " + bytes_text(memory.total_bytes) +
      " available, " +
      (memory.swap_bytes == 0 ? "no swap"
                              : bytes_text(memory.swap_used_bytes) + " of " +
                                    bytes_text(memory.swap_bytes) + " swap used");
  if (memory.available_bytes < memory_needed) {
    return finding(State::failed, "memory", found,
                   "a node with one small model takes " + bytes_text(memory_needed) +
                       ": end something, or use a larger machine");
  }
  if (memory.available_bytes < memory_wanted) {
    return finding(State::warning, "memory", found,
                   "several nodes or larger models will not fit; end something");
  }
  // Half of it in use, and what runs is waiting for the disk.
  if (memory.swap_used_bytes * 2 > memory.swap_bytes) {
    return finding(State::warning, "memory", found,
                   "frames wait while memory is swapped in; end something");
  }
  return finding(State::ok, "memory", found);
}

Finding check_cores(unsigned cores) {
  const std::string found = std::to_string(cores) + (cores == 1 ? " core" : " cores");
  if (cores >= 2) return finding(State::ok, "cores", found);
  return finding(State::warning, "cores", found,
                 "decoding and inference take turns on it; live video will lose frames");
}

Finding check_shared_memory(const SharedMemoryFacts& shared) {
  if (!shared.memfd) {
    return finding(State::failed, "shared memory", "memfd_create: " + shared.memfd.error().message,
                   "run on Linux 3.17 or newer, in a sandbox that permits memfd_create");
  }
  if (!shared.dev_shm_free_bytes) {
    return finding(State::warning, "shared memory", "memfd works, there is no /dev/shm",
                   "mount -t tmpfs tmpfs /dev/shm");
  }
  const std::string found =
      "memfd works, " + bytes_text(*shared.dev_shm_free_bytes) + " free in /dev/shm";
  if (*shared.dev_shm_free_bytes >= shared_memory_wanted) {
    return finding(State::ok, "shared memory", found);
  }
  return finding(State::warning, "shared memory", found,
                 "remove what lies in /dev/shm, or give the container more (--shm-size)");
}

Finding check_clock(const ClockFacts& clock) {
  const std::string found = "steady clock in steps of " + std::to_string(clock.resolution.count()) +
                            " ns" + (clock.source.empty() ? "" : ", from " + clock.source);
  if (clock.steady_passed <= Duration(0)) {
    return finding(State::failed, "clock", found + ", and it stands still",
                   "another clock source: /sys/devices/system/clocksource/clocksource0");
  }
  // Each of these costs a microsecond a reading, tsc and kvm-clock some twenty nanoseconds.
  const bool slow = clock.source == "hpet" || clock.source == "acpi_pm";
  if (slow || clock.resolution > resolution_wanted) {
    return finding(State::warning, "clock", found + ": slow to read or coarse",
                   "boot with clocksource=tsc if the processor's is reliable");
  }
  return finding(State::ok, "clock", found);
}

Finding check_wall_clock(const ClockFacts& clock) {
  const Duration apart = clock.wall_passed - clock.steady_passed;
  if (clock.wall_year < first_sensible_year) {
    return finding(State::warning, "wall clock", "it says year " + std::to_string(clock.wall_year),
                   "set it; certificates are refused and logs misleading");
  }
  if (apart > step_max || apart < -step_max) {
    return finding(State::warning, "wall clock",
                   "it jumped by " + milliseconds_text(apart) + " while it was looked at",
                   "let one program alone set it (chrony or systemd-timesyncd)");
  }
  if (!clock.synchronised) {
    return finding(State::note, "wall clock", "the kernel does not say whether it is synchronised");
  }
  if (!*clock.synchronised) {
    return finding(State::warning, "wall clock", "nothing keeps it synchronised",
                   "install chrony or systemd-timesyncd if logs of several machines are to be "
                   "compared; nothing else needs it");
  }
  return finding(State::ok, "wall clock", "synchronised");
}

Finding check_folder(const FolderFacts& folder) {
  const std::string place =
      folder.folder.string() +
      (folder.nearest == folder.folder ? "" : " (to be made in " + folder.nearest.string() + ")");
  if (!folder.written) {
    return finding(State::failed, folder.what, place + ": " + folder.written.error().message,
                   "let this user write there (chown, chmod, mount -o remount,rw), or name another "
                   "folder");
  }
  const std::string found =
      place + ", " + bytes_text(folder.free_bytes) + " free" +
      (folder.in_memory ? ", in memory: gone with the machine's next start" : "");
  if (folder.free_bytes < disk_needed) {
    return finding(State::failed, folder.what, found, "free " + bytes_text(disk_needed) + " there");
  }
  if (folder.free_bytes < disk_wanted) {
    return finding(State::warning, folder.what, found, "results and recordings will fill it");
  }
  return finding(State::ok, folder.what, found);
}

Finding check_commit_time(const CommitFacts& commits) {
  const std::string where = commits.folder.string() + ": ";
  if (!commits.tried) {
    return finding(State::failed, "disk commit", where + commits.tried.error().message,
                   "use a folder on a local disk");
  }
  const std::string found = where + milliseconds_text(commits.median) + " at p50, " +
                            milliseconds_text(commits.worst) + " at most";
  if (commits.median <= commit_wanted) return finding(State::ok, "disk commit", found);
  return finding(State::warning, "disk commit", found,
                 "each change of the directory waits for one, " + milliseconds_text(commit_wanted) +
                     " is slow: put the head's data on a local SSD");
}

Finding check_kernel(const KernelFacts& kernel) {
  return finding(
      State::note, "kernel",
      kernel.release + (kernel.network_namespaces
                            ? ", network namespaces can be made (the chaos test)"
                            : ", no network namespaces (only the chaos test needs them)"));
}

std::vector<Finding> check_models(const ModelFolderFacts& models) {
  const std::string topic = "models";
  if (!models.there) {
    return {finding(State::warning, topic, "no folder " + models.folder.string(),
                    "make it, or correct `models` in the cluster file")};
  }
  std::vector<Finding> findings;
  std::string names;
  for (const std::string& name : models.good) names += (names.empty() ? "" : ", ") + name;
  findings.push_back(names.empty()
                         ? finding(State::warning, topic, models.folder.string() + " has none",
                                   "put a TorchScript file with its card there")
                         : finding(State::ok, topic, models.folder.string() + ": " + names));
  for (const Error& refused : models.refused) {
    findings.push_back(finding(State::failed, topic, refused.message,
                               "repair it, or take it out of " + models.folder.string()));
  }
  return findings;
}

Finding check_cluster_file(const ClusterFileFacts& file) {
  const char* topic = "cluster file";
  if (!file.read) {
    return finding(State::failed, topic, file.read.error().message,
                   "correct it; clusters/demo.yaml explains every key");
  }
  return finding(State::ok, topic,
                 file.file.string() + ": cluster '" + file.read->name + "', " +
                     std::to_string(file.read->nodes.size()) + " nodes, " +
                     std::to_string(file.read->cameras.size()) + " cameras");
}

Finding check_named_file(const NamedFileFacts& file) {
  if (file.readable) return finding(State::ok, file.what, file.file.string());
  return finding(State::failed, file.what, file.file.string() + " cannot be read",
                 "correct its path in the cluster file or with --set, or let this user read it");
}

std::vector<Finding> check_machine(const MachineFacts& facts) {
  std::vector<Finding> all;
  for (const auto& library : facts.libraries) all.push_back(check_library(library));
  for (const auto& codec : facts.codecs) all.push_back(check_codec(codec));
  all.push_back(check_cores(facts.cores));
  all.push_back(facts.memory ? check_memory(*facts.memory)
                             : finding(State::warning, "memory", facts.memory.error().message,
                                       "mount /proc"));
  all.push_back(check_shared_memory(facts.shared_memory));
  all.push_back(check_descriptors(facts.descriptors));
  all.push_back(check_unix_socket(facts.unix_socket));
  all.push_back(check_loopback(facts.loopback));
  all.push_back(check_clock(facts.clock));
  all.push_back(check_wall_clock(facts.clock));
  all.push_back(check_kernel(facts.kernel));
  if (facts.cluster_file) all.push_back(check_cluster_file(*facts.cluster_file));
  for (const auto& address : facts.addresses) all.push_back(check_address(address));
  for (const auto& folder : facts.folders) all.push_back(check_folder(folder));
  for (const auto& commits : facts.commits) all.push_back(check_commit_time(commits));
  for (const auto& models : facts.models) {
    auto findings = check_models(models);
    all.insert(all.end(), std::make_move_iterator(findings.begin()),
               std::make_move_iterator(findings.end()));
  }
  for (const auto& file : facts.named_files) all.push_back(check_named_file(file));
  return all;
}

}  // namespace omma
