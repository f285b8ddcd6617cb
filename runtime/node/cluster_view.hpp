// The cluster file and the model store as apps may name things in them.
#pragma once

#include "runtime/model/model_store.hpp"
#include "runtime/node/app.hpp"
#include "runtime/placement/cluster_file.hpp"

#include <string>
#include <vector>

namespace omma {

inline constexpr const char* shipped_model_name = "omma-detector";

class FileClusterView final : public ClusterView {
 public:
  // Both must outlive the view.
  FileClusterView(const ClusterFile& cluster, ModelStore& models)
      : cluster_(cluster), models_(models) {}

  Result<void> camera(const std::string& name_or_path, CameraConfig::Builder out) const override;
  Result<void> model(const std::string& name_or_path, ShardConfig::Builder out) const override;
  Result<std::vector<std::string>> labels(const std::string& name_or_path) const override;

 private:
  const ClusterFile& cluster_;
  ModelStore& models_;
};

}  // namespace omma
