#include <atomic>
#include <future>
#include <thread>
#include <utility>

#include <kj/async-io.h>
#include <kj/exception.h>

#include "runtime/base/check.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/link_loop.hpp"
#include "runtime/link/mailbox.hpp"

namespace omma {
namespace {

class ThreadedHub final : public LinkHub {
 public:
  ThreadedHub(std::shared_ptr<Mailbox> mailbox, std::thread thread, std::string address)
      : mailbox_(std::move(mailbox)), thread_(std::move(thread)), address_(std::move(address)) {}
  ~ThreadedHub() override {
    OMMA_CHECK(std::this_thread::get_id() != thread_.get_id(), "a handler may not end its link");
    mailbox_->stop();
    thread_.join();
  }

  std::string listen_address() const override { return address_; }
  void set_peer(const std::string& name, const std::string& address) override {
    mailbox_->set_peer(name, address);
  }
  void remove_peer(const std::string& name) override { mailbox_->set_peer(name, std::nullopt); }
  void post(const std::string& peer, Packet packet) override {
    mailbox_->post(peer, std::move(packet));
  }
  void post_all(const std::string& peer, std::vector<Packet> packets) override {
    mailbox_->post_all(peer, std::move(packets));
  }
  void call(const std::string& peer, Message request, Duration timeout, Answer answer) override {
    Mailbox::Call call{peer, std::move(request), timeout, std::move(answer)};
    if (mailbox_->call(call)) return;
    call.answer(Error{Code::overloaded, std::to_string(limits::link_requests_open_max) +
                                            " requests wait for their answer; ask again later"});
  }
  LinkCounters counters() const override { return mailbox_->counters(); }
  std::vector<LinkPeerCounters> peer_counters() const override { return mailbox_->peer_counters(); }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::thread thread_;
  std::string address_;
};

using Started = std::promise<Result<std::string>>;

// The event loop's thread, from its first to its last step.
void run_loop(LinkOptions options, LinkHandlers handlers, std::shared_ptr<BufferPool> pool,
              const Clock& clock, const std::shared_ptr<Mailbox>& mailbox, Started started) {
  auto io = kj::setupAsyncIo();
  LinkLoop loop(std::move(options), std::move(handlers), std::move(pool), clock, mailbox, io);
  auto address = loop.listen();
  const bool listens = address.ok();
  started.set_value(std::move(address));
  if (listens) loop.run();
}

}  // namespace

Result<std::unique_ptr<LinkHub>> open_link_hub(LinkOptions options, LinkHandlers handlers,
                                               std::shared_ptr<BufferPool> pool,
                                               const Clock& clock) {
  auto mailbox = std::make_shared<Mailbox>();
  Started started;
  auto listens = started.get_future();
  std::thread thread([&clock, mailbox, options = std::move(options), handlers = std::move(handlers),
                      pool = std::move(pool), started = std::move(started)]() mutable {
    run_loop(std::move(options), std::move(handlers), std::move(pool), clock, mailbox,
             std::move(started));
  });
  auto address = listens.get();
  if (!address) {
    thread.join();
    return address.error();
  }
  return std::unique_ptr<LinkHub>(
      std::make_unique<ThreadedHub>(std::move(mailbox), std::move(thread), *address));
}

}  // namespace omma
