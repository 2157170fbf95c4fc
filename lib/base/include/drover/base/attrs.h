/* Compiler attributes, in one place. */
#ifndef DROVER_BASE_ATTRS_H
#define DROVER_BASE_ATTRS_H

#define DR_MUSTCHECK __attribute__((warn_unused_result))
#define DR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define DR_NORETURN __attribute__((noreturn))
/* DR_AUTO(dr_x) struct dr_x *x = ...: calls dr_x_autofree(&x) at scope end. */
#define DR_AUTO(type) __attribute__((cleanup(type##_autofree)))
#define DR_DEFINE_AUTO(type)                            \
    static inline void type##_autofree(struct type **p) \
    {                                                   \
        type##_free(*p);                                \
    }
#define DR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
