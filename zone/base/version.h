/* The version of the whole project, in this one place: the Makefile, the programs' --version, the
 * library's file name and the pkg-config file take it from here. */
#ifndef ZONE_BASE_VERSION_H
#define ZONE_BASE_VERSION_H

#define BAILIWICK_VERSION "0.1.0"

#endif
