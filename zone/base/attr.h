/* Compiler attributes as checked documentation. */
#ifndef ZONE_BASE_ATTR_H
#define ZONE_BASE_ATTR_H

#define NODISCARD __attribute__((warn_unused_result))
#define NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))
#define UNUSED __attribute__((unused))
#define PACKED __attribute__((packed))
#define ALWAYS_INLINE __attribute__((always_inline)) static inline
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
