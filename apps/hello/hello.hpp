// The hello app, for main() to hand to the node.
#pragma once

#include "runtime/node/app.hpp"

#include <memory>

namespace omma {

std::unique_ptr<App> make_hello_app();

}  // namespace omma
