// For tests of apps: a cluster in one thread and in virtual time, with faults. Link omma::testkit.
#pragma once

#include "omma/app.hpp"
#include "runtime/testkit/sim_cluster.hpp"
#include "runtime/testkit/virtual_time.hpp"
