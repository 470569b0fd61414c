/* Both ends of a region on one and the same mapping, so that ThreadSanitizer sees the producer and the consumer touch the same
 * bytes: across two mappings it is blind. Linking one-mapping.c into a test puts this in place of the library's own
 * fl_shm_map_writer, fl_shm_map_reader and fl_shm_unmap; seals are not checked here, which one-writer.c does. */
#ifndef TESTS_ONE_MAPPING_H
#define TESTS_ONE_MAPPING_H

/* Regions that two sides have mapped so far: that the replacement is in use. */
unsigned one_mapping_shared(void);

#endif
