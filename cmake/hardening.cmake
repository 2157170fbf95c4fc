# dr::hardening: compiler and linker hardening for everything that ships.
add_library(dr_hardening INTERFACE)
add_library(dr::hardening ALIAS dr_hardening)
