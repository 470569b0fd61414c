/* A mistake, on purpose: every frame that is taken is copied into private memory before the consumer sees it. Linked in with
 * --wrap=fl_frame_plane. */
#include <framelane/framelane.h>

#include <stdlib.h>
#include <string.h>

const uint8_t *__real_fl_frame_plane(const struct fl_frame *frame, unsigned plane);
const uint8_t *__wrap_fl_frame_plane(const struct fl_frame *frame, unsigned plane);

const uint8_t *__wrap_fl_frame_plane(const struct fl_frame *frame, unsigned plane)
{
    static uint8_t *copy;
    static size_t room;
    const struct fl_plane *shape = &fl_frame_desc(frame)->planes[plane];
    size_t bytes = (size_t)shape->row_bytes * shape->rows;
    if (bytes > room) {
        free(copy);
        copy = malloc(bytes);
        room = copy ? bytes : 0;
    }
    return copy ? memcpy(copy, __real_fl_frame_plane(frame, plane), bytes) : NULL;
}
