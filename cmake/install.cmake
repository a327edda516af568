# `cmake --install build/release [--prefix /usr] [--strip]`. The release has its debug information, which
# a crash is read by; --strip leaves it out of what is installed. Units and users go below the
# prefix, where systemd looks both for /usr and for /usr/local.
include(GNUInstallDirs)

install(TARGETS crier RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES packaging/systemd/crier.service packaging/systemd/crier.socket
        DESTINATION lib/systemd/system)
install(FILES packaging/sysusers.d/crier.conf DESTINATION lib/sysusers.d)
install(FILES config/example.yaml packaging/README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
