// PeerProcess: this program once more, as the other end of a measurement. It is told what to be by
// its arguments, says "ready" and a word of its own on a pipe, and is killed with its parent.
//
// Made and used by the main thread, with whose end the peer ends too.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace omma::bench {

class PeerProcess {
 public:
  explicit PeerProcess(const std::vector<std::string>& arguments);
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  // The word after "ready"; stops the process if the peer ends without it.
  std::string wait_until_ready();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

// The peer's side: says that it is ready, then sleeps until it is killed.
void say_ready(const std::string& word);
[[noreturn]] void sleep_for_ever();

}  // namespace omma::bench
