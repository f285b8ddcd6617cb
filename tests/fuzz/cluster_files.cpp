// A cluster file may hold anything: it is read, or refused with a place in it.
#include "runtime/placement/cluster_file.hpp"

#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto file = omma::parse_cluster_file(
      text, "fuzz.yaml",
      {{"cluster_dir", "/etc/omma"}, {"run_dir", "/run/omma"}, {"data_dir", "/data"}});
  if (!file) {
    OMMA_CHECK(file.error().message.starts_with("fuzz.yaml"), file.error().message);
    return 0;
  }
  OMMA_CHECK(file->find_node(file->head_node) != nullptr, file->head_node);
  for (const omma::CameraSpec& camera : file->cameras) {
    OMMA_CHECK(file->find_node(camera.node) != nullptr, camera.node);
  }
  return 0;
}
