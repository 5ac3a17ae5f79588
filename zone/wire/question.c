#include "zone/wire/question.h"

#include "zone/wire/question_inline.h"

enum err question_read(struct question *question, const uint8_t *message, size_t message_len, size_t *at)
{
    size_t taken = question_take(question, message + *at, message_len - *at);
    *at += taken;
    return taken != 0 ? ERR_OK : ERR_WIRE;
}

void question_set(struct question *question, const uint8_t *name, uint16_t type, uint16_t class)
{
    question->type = type;
    question->class = class;
    if (!question_find_labels(question, name, NAME_MAX))
        __builtin_trap();
    question_lower(question, question->name_len);
}
