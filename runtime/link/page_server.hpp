// PageServer: one text page over plain HTTP, made anew for each request: how a node shows its
// metrics. GET and HEAD of one path; all else is refused.
//
// One thread of its own, which also makes the page: one request after the other, so a slow page
// cannot pile up. Bounded by limits::page_clients_max connections.
#pragma once

#include "runtime/base/error.hpp"

#include <functional>
#include <memory>
#include <string>

namespace omma {

struct PageOptions {
  std::string listen_address;  // "127.0.0.1:9464"; port 0 for any.
  std::string path;            // "/metrics"
  std::string content_type;
};

class PageServer {
 public:
  // Waits for the page that is being made.
  virtual ~PageServer() = default;
  // Where it listens in the end.
  virtual std::string listen_address() const = 0;
};

// `make` runs on the server's thread and may block; an error becomes 503 with its words.
// unavailable when the address cannot be bound (says which and why).
Result<std::unique_ptr<PageServer>> open_page_server(PageOptions options,
                                                     std::function<Result<std::string>()> make);

}  // namespace omma
