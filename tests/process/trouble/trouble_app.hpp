// An app whose actor misbehaves as it is told: for the test of how a node shows that.
#pragma once

#include "runtime/node/app.hpp"

#include <memory>

namespace omma {

std::unique_ptr<App> make_trouble_app();

}  // namespace omma
