#include "tools/bench/peer_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/check.hpp"

namespace omma::bench {
namespace {

constexpr int ready_fd = 3;
constexpr char ready_word[] = "ready ";

}  // namespace

PeerProcess::PeerProcess(const std::vector<std::string>& arguments) {
  int ends[2];
  OMMA_CHECK(::pipe2(ends, O_CLOEXEC) == 0, errno);
  std::vector<char*> words;
  std::string self = "/proc/self/exe";
  words.push_back(self.data());
  std::vector<std::string> copies = arguments;
  for (std::string& word : copies) words.push_back(word.data());
  words.push_back(nullptr);
  pid_ = ::fork();
  OMMA_CHECK(pid_ >= 0, errno);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (ends[1] == ready_fd) {
      ::fcntl(ready_fd, F_SETFD, 0);
    } else {
      ::dup2(ends[1], ready_fd);
    }
    ::execv(self.c_str(), words.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

PeerProcess::~PeerProcess() {
  ::close(pipe_);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string PeerProcess::wait_until_ready() {
  std::string line;
  for (char next = 0; next != '\n'; line += next) {
    const auto got = ::read(pipe_, &next, 1);
    OMMA_CHECK(got == 1, "the peer ended before it was ready", line);
  }
  OMMA_CHECK(line.starts_with(ready_word), line);
  return line.substr(sizeof ready_word - 1, line.size() - sizeof ready_word);
}

void say_ready(const std::string& word) {
  const std::string line = ready_word + word + "\n";
  const auto written = ::write(ready_fd, line.data(), line.size());
  OMMA_CHECK(written == static_cast<ssize_t>(line.size()), written);
}

void sleep_for_ever() {
  for (;;) ::pause();
}

}  // namespace omma::bench
