#include "runtime/link/page_server.hpp"

#include <kj/async-io.h>
#include <kj/compat/http.h>

#include <future>
#include <thread>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/address.hpp"

namespace omma {
namespace {

class PageService final : public kj::HttpService {
 public:
  PageService(const PageOptions& options, const std::function<Result<std::string>()>& make,
              const kj::HttpHeaderTable& table)
      : options_(options), make_(make), table_(table) {}

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr url, const kj::HttpHeaders&,
                            kj::AsyncInputStream&, Response& response) override {
    const std::string wanted(url.begin(), url.size());
    if (method != kj::HttpMethod::GET && method != kj::HttpMethod::HEAD) {
      return send(response, 405, "Method Not Allowed", "text/plain", "only GET and HEAD\n");
    }
    if (wanted.substr(0, wanted.find('?')) != options_.path) {
      return send(response, 404, "Not Found", "text/plain", "see " + options_.path + "\n");
    }
    Result<std::string> page = make_();
    if (!page) {
      return send(response, 503, "Service Unavailable", "text/plain",
                  page.error().describe() + "\n");
    }
    return send(response, 200, "OK", options_.content_type, *std::move(page));
  }

 private:
  kj::Promise<void> send(Response& response, kj::uint status, kj::StringPtr text,
                         const std::string& type, std::string body) {
    kj::HttpHeaders headers(table_);
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, kj::heapString(type.data(), type.size()));
    auto stream = response.send(status, text, headers, body.size());
    auto kept = kj::heap<std::string>(std::move(body));
    auto written = stream->write(kept->data(), kept->size());
    return written.attach(kj::mv(stream), kj::mv(kept));
  }

  const PageOptions& options_;
  const std::function<Result<std::string>()>& make_;
  const kj::HttpHeaderTable& table_;
};

// Takes connections as long as there are not too many.
class Door final : private kj::TaskSet::ErrorHandler {
 public:
  Door(kj::Own<kj::ConnectionReceiver> receiver, kj::HttpServer& server)
      : receiver_(kj::mv(receiver)), server_(server), tasks_(*this) {}
  void open() { tasks_.add(accept_next()); }

 private:
  kj::Promise<void> accept_next() {
    return receiver_->accept().then([this](kj::Own<kj::AsyncIoStream> stream) {
      if (clients_ < limits::page_clients_max) {
        ++clients_;
        tasks_.add(
            server_.listenHttp(kj::mv(stream)).then([] {}, [](kj::Exception&&) {}).then([this] {
              --clients_;
            }));
      }
      return accept_next();
    });
  }
  void taskFailed(kj::Exception&&) override {}

  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::HttpServer& server_;
  std::size_t clients_ = 0;
  kj::TaskSet tasks_;
};

using Stop = kj::Own<kj::CrossThreadPromiseFulfiller<void>>;

// What the thread tells its owner once it serves, or cannot.
struct Begun {
  Result<std::string> address;
  Stop stop;
};

void serve(const PageOptions& options, const std::function<Result<std::string>()>& make,
           std::promise<Begun>& begun) {
  auto io = kj::setupAsyncIo();
  auto listener = listen_on(io, options.listen_address);
  if (!listener) return begun.set_value({listener.error(), {}});
  const kj::HttpHeaderTable table;
  PageService service(options, make, table);
  kj::HttpServer server(io.provider->getTimer(), table, service);
  Door door(kj::mv(listener->receiver), server);
  door.open();
  auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
  begun.set_value({listener->address, kj::mv(stop.fulfiller)});
  stop.promise.wait(io.waitScope);
}

class ThreadedPageServer final : public PageServer {
 public:
  ThreadedPageServer(PageOptions options, std::function<Result<std::string>()> make)
      : options_(std::move(options)), make_(std::move(make)) {}
  ~ThreadedPageServer() noexcept override {
    if (stop_.get() != nullptr) stop_->fulfill();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> begin() {
    std::promise<Begun> promise;
    std::future<Begun> answer = promise.get_future();
    thread_ = std::thread(
        [this, promise = std::move(promise)]() mutable { serve(options_, make_, promise); });
    Begun begun = answer.get();
    if (!begun.address) return begun.address.error();
    address_ = *std::move(begun.address);
    stop_ = kj::mv(begun.stop);
    return {};
  }
  std::string listen_address() const override { return address_; }

 private:
  const PageOptions options_;
  const std::function<Result<std::string>()> make_;
  std::string address_;
  Stop stop_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<PageServer>> open_page_server(PageOptions options,
                                                     std::function<Result<std::string>()> make) {
  auto server = std::make_unique<ThreadedPageServer>(std::move(options), std::move(make));
  if (auto begun = server->begin(); !begun) return begun.error();
  return std::unique_ptr<PageServer>(std::move(server));
}

}  // namespace omma
