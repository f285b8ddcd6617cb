# omma_torch: LibTorch as one target, seen by runtime/model and the maker of its test files.
#
# Without OMMA_TORCH_WHEEL it is Debian's (libtorch-dev, 1.13), or whatever CMAKE_PREFIX_PATH leads
# to. With it, it is the Python package in that virtual environment (`./run setup --torch 2`). That
# package's own TorchConfig.cmake wants nvcc even if nothing of CUDA is used, so the files are named
# here: the CPU's half, and with OMMA_CUDA all of it.
include_guard()

set(OMMA_TORCH_WHEEL "" CACHE PATH "Virtual environment with the Python package torch 2.x")
add_library(omma_torch INTERFACE)

if(NOT OMMA_TORCH_WHEEL)
  # Its targets must be seen from wherever omma::model is linked.
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
  find_package(Torch REQUIRED)
  target_include_directories(omma_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(omma_torch INTERFACE ${TORCH_LIBRARIES})
  return()
endif()

file(GLOB torch "${OMMA_TORCH_WHEEL}/lib/python3*/site-packages/torch")
if(NOT EXISTS "${torch}/version.py")
  message(FATAL_ERROR "no Python package torch in ${OMMA_TORCH_WHEEL}; run ./run setup --torch 2")
endif()
file(STRINGS "${torch}/version.py" line REGEX "^__version__")
string(REGEX MATCH "[0-9]+\\.[0-9]+" torch_version "${line}")
# Packages before 2.7 have the standard library's old strings, which nothing else here has.
if(torch_version VERSION_LESS 2.7)
  message(FATAL_ERROR "torch ${torch_version} in ${OMMA_TORCH_WHEEL}; 2.7 or newer is needed")
endif()
message(STATUS "LibTorch ${torch_version} from ${torch}")

target_include_directories(omma_torch SYSTEM INTERFACE
  "${torch}/include" "${torch}/include/torch/csrc/api/include")
target_link_libraries(omma_torch INTERFACE "${torch}/lib/libtorch_cpu.so" "${torch}/lib/libc10.so")
if(OMMA_CUDA)
  # Nothing calls it by name: its kernels register themselves.
  target_link_libraries(omma_torch INTERFACE "-Wl,--push-state,--no-as-needed"
    "${torch}/lib/libtorch_cuda.so" "-Wl,--pop-state")
endif()
