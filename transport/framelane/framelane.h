/* Everything libframelane offers, in reading order. See tests/tour.c for a producer and a consumer in one file. */
#ifndef FRAMELANE_FRAMELANE_H
#define FRAMELANE_FRAMELANE_H

#include <framelane/frame.h>
#include <framelane/context.h>
#include <framelane/pool.h>
#include <framelane/bell.h>
#include <framelane/lane.h>
#include <framelane/output.h>
#include <framelane/latest.h>
#include <framelane/events.h>
#include <framelane/side.h>
#include <framelane/shm.h>
#include <framelane/wire.h>

#endif
