#include "apps/omma/machine_facts.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>

#include "apps/omma/cluster_home.hpp"
#include "apps/omma/machine_places.hpp"
#include "runtime/cell/caf_version.hpp"
#include "runtime/directory/sqlite_version.hpp"
#include "runtime/media/codecs.hpp"
#include "runtime/model/model_store.hpp"
#include "runtime/model/torch_version.hpp"

namespace omma {
namespace {

// Long enough to see a clock that somebody sets all the time.
constexpr Duration clock_watched = std::chrono::milliseconds(50);

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<LibraryVersion> see_libraries() {
  std::vector<LibraryVersion> libraries{torch_version(), caf_version(), capnp_version(),
                                        sqlite_version()};
  for (LibraryVersion& library : ffmpeg_versions()) libraries.push_back(std::move(library));
  return libraries;
}

std::vector<CodecFacts> see_codecs() {
  std::vector<CodecFacts> codecs;
  for (const char* name : {"h264", "hevc", "mpeg4", "mjpeg"}) {
    codecs.push_back(
        {CodecFacts::Kind::decoder, name, std::string_view(name) == "h264", has_decoder(name)});
  }
  codecs.push_back({CodecFacts::Kind::encoder, "libx264", true, has_encoder("libx264")});
  return codecs;
}

DescriptorFacts see_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return {limit.rlim_cur, limit.rlim_max};
}

unsigned see_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return std::thread::hardware_concurrency();
  return static_cast<unsigned>(CPU_COUNT(&cores));
}

SharedMemoryFacts see_shared_memory() {
  SharedMemoryFacts facts;
  const int memory = ::memfd_create("omma-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory < 0 || ::ftruncate(memory, 4096) != 0) {
    facts.memfd = Error{Code::unavailable, std::strerror(errno)};
  }
  if (memory >= 0) ::close(memory);
  struct statvfs space {};
  if (::statvfs("/dev/shm", &space) == 0) {
    facts.dev_shm_free_bytes = space.f_bavail * space.f_frsize;
  }
  return facts;
}

ClockFacts see_clock() {
  ClockFacts facts;
  facts.source = text_of("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  while (!facts.source.empty() && facts.source.back() == '\n') facts.source.pop_back();
  timespec resolution{};
  ::clock_getres(CLOCK_MONOTONIC, &resolution);
  facts.resolution =
      std::chrono::seconds(resolution.tv_sec) + std::chrono::nanoseconds(resolution.tv_nsec);
  const SystemClock clock;
  const Instant steady = clock.now();
  const WallTime wall = clock.wall_now();
  std::this_thread::sleep_for(clock_watched);
  facts.steady_passed = clock.now() - steady;
  facts.wall_passed = clock.wall_now() - wall;
  const std::time_t seconds = nanoseconds_of(wall) / 1'000'000'000;
  std::tm date{};
  ::gmtime_r(&seconds, &date);
  facts.wall_year = 1900 + date.tm_year;
  timex kernel{};
  const int state = ::adjtimex(&kernel);  // Asks only: no mode is set.
  if (state >= 0) facts.synchronised = state != TIME_ERROR && (kernel.status & STA_UNSYNC) == 0;
  return facts;
}

// Tried in a process of its own, which ends at once.
bool network_namespaces() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWNET) == 0 ? 0 : 1);
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

KernelFacts see_kernel() {
  utsname name{};
  ::uname(&name);
  return {std::string(name.sysname) + " " + name.release, network_namespaces()};
}

bool runs(const std::string& cluster) {
  const auto running = find_cluster(cluster);
  return running && std::any_of(running->processes.begin(), running->processes.end(),
                                [](const auto& one) { return is_alive(one.second, one.first); });
}

void see_models(MachineFacts& facts, const ClusterFile& file) {
  std::vector<std::filesystem::path> folders = file.model_folders;
  for (const NodeSpec& node : file.nodes) {
    folders.insert(folders.end(), node.model_folders.begin(), node.model_folders.end());
  }
  std::set<std::filesystem::path> seen;
  std::error_code ignored;
  for (const std::filesystem::path& folder : folders) {
    if (!seen.insert(folder.lexically_normal()).second) continue;
    ModelFolderFacts models;
    models.folder = folder.lexically_normal();
    models.there = std::filesystem::is_directory(folder, ignored);
    auto listing = ModelStore({models.folder}).list();
    for (const ModelFile& model : listing.models) models.good.push_back(model.card.name);
    models.refused = std::move(listing.refused);
    facts.models.push_back(std::move(models));
  }
}

void see_named_files(MachineFacts& facts, const ClusterFile& file) {
  const auto add = [&facts](std::string what, const std::filesystem::path& path) {
    facts.named_files.push_back({std::move(what), path, ::access(path.c_str(), R_OK) == 0});
  };
  for (const CameraSpec& camera : file.cameras) {
    if (camera.source.starts_with('/')) add("video of camera " + camera.name, camera.source);
  }
  for (const std::filesystem::path& module : file.app_modules) add("app module", module);
  for (const NodeSpec& node : file.nodes) {
    if (!node.tls) continue;
    add("TLS authority of " + node.name, node.tls->authority);
    add("TLS certificate of " + node.name, node.tls->certificate);
    add("TLS key of " + node.name, node.tls->key);
  }
}

void see_cluster(MachineFacts& facts, const std::filesystem::path& path,
                 ClusterVariables variables) {
  const auto absolute = std::filesystem::absolute(path);
  const bool run_dir_given = !variables.emplace("run_dir", "/nowhere").second;
  auto file = read_cluster_file(absolute, variables);
  if (file && !run_dir_given) {  // As omma up does it, now that the file has said its name.
    variables["run_dir"] = (clusters_folder() / file->name).string();
    file = read_cluster_file(absolute, variables);
  }
  if (file) {
    const bool up = runs(file->name);
    for (const NodeSpec& node : file->nodes) {
      facts.addresses.push_back(try_address(node.name, node.listen_address));
      if (!node.metrics_address.empty()) {
        facts.addresses.push_back(try_address(node.name + "'s metrics", node.metrics_address));
      }
      facts.folders.push_back(try_folder("data of " + node.name, node.data_folder));
    }
    for (AddressFacts& address : facts.addresses) address.cluster_runs = up;
    see_models(facts, *file);
    see_named_files(facts, *file);
  }
  facts.cluster_file = ClusterFileFacts{path, std::move(file)};
}

// Once a file system.
void see_commits(MachineFacts& facts) {
  std::set<dev_t> seen;
  for (const FolderFacts& folder : facts.folders) {
    struct stat place {};
    if (!folder.written || ::stat(folder.nearest.c_str(), &place) != 0) continue;
    if (seen.insert(place.st_dev).second) facts.commits.push_back(time_commits(folder.nearest));
  }
}

}  // namespace

Result<MemoryFacts> parse_memory(const std::string& text) {
  std::map<std::string, std::uint64_t> bytes;
  std::istringstream lines(text);
  std::string name;
  std::uint64_t kibibytes = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if (words >> name >> kibibytes) bytes[name] = kibibytes * 1024;
  }
  for (const char* needed : {"MemTotal:", "MemAvailable:", "SwapTotal:", "SwapFree:"}) {
    if (!bytes.contains(needed)) {
      return Error{Code::corrupt, std::string("/proc/meminfo has no line ") + needed};
    }
  }
  const std::uint64_t swap = bytes["SwapTotal:"];
  return MemoryFacts{bytes["MemTotal:"], bytes["MemAvailable:"], swap,
                     swap - std::min(swap, bytes["SwapFree:"])};
}

MachineFacts look_at_machine(const std::filesystem::path& cluster_file,
                             const ClusterVariables& variables) {
  MachineFacts facts;
  facts.libraries = see_libraries();
  facts.codecs = see_codecs();
  facts.unix_socket = try_unix_socket(nearest_folder(clusters_folder()));
  facts.loopback = try_loopback();
  facts.descriptors = see_descriptors();
  facts.memory = parse_memory(text_of("/proc/meminfo"));
  facts.cores = see_cores();
  facts.shared_memory = see_shared_memory();
  facts.clock = see_clock();
  facts.kernel = see_kernel();
  facts.folders.push_back(try_folder("clusters' folder", clusters_folder()));
  if (!cluster_file.empty()) see_cluster(facts, cluster_file, variables);
  see_commits(facts);
  return facts;
}

}  // namespace omma
