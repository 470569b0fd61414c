/* What `doctor` looks at: each look adds findings. Private to cmd-doctor.c and doctor-*.c. */
#ifndef FL_DOCTOR_H
#define FL_DOCTOR_H

#include <glib.h>

enum fl_health { FL_HEALTH_OK, FL_HEALTH_WARN, FL_HEALTH_FAIL };

typedef struct {
    enum fl_health health;
    const char *what;   /* "sealed memory"; literal */
    char *found;        /* "seals SHRINK GROW FUTURE_WRITE SEAL hold" */
    const char *remedy; /* what that means and what to do; NULL where nothing is to be done; literal */
} FlFinding;

typedef struct {
    GPtrArray *findings; /* FlFinding* */
} FlDoctor;

void fl_doctor_add(FlDoctor *doctor, enum fl_health health, const char *what, const char *remedy, const char *format, ...)
    G_GNUC_PRINTF(5, 6);

void fl_doctor_look_at_kernel(FlDoctor *doctor); /* calls that the transport and the supervisor stand on */
void fl_doctor_look_at_limits(FlDoctor *doctor); /* memory, descriptors, pipes, processors */
void fl_doctor_look_at_parts(FlDoctor *doctor);  /* executables and modules of Framelane itself */

#endif
