/* `threads` and the `option.NAME` keys: each goes to the demuxer and to the decoder, and one of the two has to know it. */
#ifndef FL_DECODE_OPTIONS_H
#define FL_DECODE_OPTIONS_H

#include "decode.h"

void decode_options_for_format(struct decode *decode, AVDictionary **options);
void decode_options_left_by_format(struct decode *decode, const AVDictionary *left);
void decode_options_for_codec(struct decode *decode, AVDictionary **options);
/* `left` by the decoder. Fails through fl_stage_fail, naming what nobody knows. */
int decode_options_check(struct decode *decode, const AVDictionary *left);

#endif
