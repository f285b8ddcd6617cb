// DrainAccount: what became of a drain, in a reply of bounded size however many actors there were:
// all are counted, and the first of them are told one by one.
//
// Not thread-safe.
#pragma once

#include "runtime/base/message.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/move_record.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace omma {

class DrainAccount {
 public:
  void add(const MoveRecord& move);
  // It is still there; `tried`: its move came to nothing.
  void keep(const ActorRecord& actor, const std::string& why, bool tried);
  // A wire::DrainReport.
  Message report() const;

 private:
  struct Kept {
    ActorId id;
    std::string type;
    std::string name;
    std::string why;
    bool tried = false;
  };
  std::vector<MoveRecord> moved_;
  std::size_t moved_count_ = 0;
  std::size_t moved_bytes_ = 0;
  std::vector<Kept> kept_;
  std::size_t kept_count_ = 0;
  std::size_t tried_count_ = 0;
  std::size_t kept_bytes_ = 0;
};

}  // namespace omma
