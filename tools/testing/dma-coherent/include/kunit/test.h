/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of KUnit as the pool's own suite uses, so that the very same cases
 * also run here, under the host's sanitizers and with 32-bit words.
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <setjmp.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

struct kunit_mem;

struct kunit {
	const void *param_value;
	void *priv;
	bool failed;
	jmp_buf stop;
	struct kunit_mem *mem;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

extern struct kunit_suite *const kunit_suite;

void *kunit_kzalloc(struct kunit *test, size_t size, int gfp);
void kunit_kfree(struct kunit *test, const void *ptr);

/* Say that @claim is wrong, and leave the case where that makes no sense any more. */
void __attribute__((format(printf, 5, 6)))
kunit_wrong(struct kunit *test, bool leave, int line, const char *claim,
	    const char *format, ...);

#define KUNIT_PARAM_DESC_SIZE	128

#define kunit_test_suite(suite)	struct kunit_suite *const kunit_suite = &(suite)
#define KUNIT_CASE(name)	{ name, #name, NULL }
#define KUNIT_CASE_PARAM(name, params)	{ name, #name, params }

#define KUNIT_ARRAY_PARAM_DESC(name, array, member)				\
	static const void *name##_gen_params(const void *prev, char *desc)	\
	{									\
		__typeof__((array)[0]) *next = prev;				\
										\
		next = prev ? next + 1 : (array);				\
		if (next == (array) + ARRAY_SIZE(array))			\
			return NULL;						\
		strncpy(desc, next->member, KUNIT_PARAM_DESC_SIZE - 1);		\
		return next;							\
	}

#define KUNIT_BINARY(test, leave, left, op, right, format, ...) do {		\
	__auto_type _left = (left);						\
	__auto_type _right = (right);						\
										\
	if (!(_left op _right))							\
		kunit_wrong(test, leave, __LINE__, #left " " #op " " #right,	\
			    "%lld and %lld" format, (long long)_left,		\
			    (long long)_right, ##__VA_ARGS__);			\
} while (0)

#define KUNIT_EXPECT_EQ_MSG(test, left, right, format, ...)			\
	KUNIT_BINARY(test, false, left, ==, right, ": " format, __VA_ARGS__)
#define KUNIT_EXPECT_LE_MSG(test, left, right, format, ...)			\
	KUNIT_BINARY(test, false, left, <=, right, ": " format, __VA_ARGS__)
#define KUNIT_EXPECT_GT_MSG(test, left, right, format, ...)			\
	KUNIT_BINARY(test, false, left, >, right, ": " format, __VA_ARGS__)
#define KUNIT_EXPECT_TRUE_MSG(test, claim, format, ...)				\
	KUNIT_BINARY(test, false, claim, ==, true, ": " format, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(test, claim, format, ...)			\
	KUNIT_BINARY(test, false, claim, ==, false, ": " format, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL_MSG(test, ptr, format, ...)			\
	KUNIT_BINARY(test, false, !(ptr), ==, false, ": " format, __VA_ARGS__)
#define KUNIT_ASSERT_EQ_MSG(test, left, right, format, ...)			\
	KUNIT_BINARY(test, true, left, ==, right, ": " format, __VA_ARGS__)
#define KUNIT_ASSERT_GT_MSG(test, left, right, format, ...)			\
	KUNIT_BINARY(test, true, left, >, right, ": " format, __VA_ARGS__)
#define KUNIT_ASSERT_TRUE_MSG(test, claim, format, ...)				\
	KUNIT_BINARY(test, true, claim, ==, true, ": " format, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_NULL_MSG(test, ptr, format, ...)			\
	KUNIT_BINARY(test, true, !(ptr), ==, false, ": " format, __VA_ARGS__)

#define KUNIT_EXPECT_EQ(test, left, right)	KUNIT_BINARY(test, false, left, ==, right, "")
#define KUNIT_EXPECT_NULL(test, ptr)		KUNIT_BINARY(test, false, !(ptr), ==, true, "")
#define KUNIT_EXPECT_NOT_NULL(test, ptr)	KUNIT_BINARY(test, false, !(ptr), ==, false, "")
#define KUNIT_ASSERT_EQ(test, left, right)	KUNIT_BINARY(test, true, left, ==, right, "")

#define KUNIT_ASSERT_STREQ_MSG(test, left, right, format, ...) do {		\
	const char *_left = (left);						\
										\
	if (strcmp(_left, right))						\
		kunit_wrong(test, true, __LINE__, #left " is " #right,		\
			    "\"%s\": " format, _left, __VA_ARGS__);		\
} while (0)

#define KUNIT_ASSERT_STREQ(test, left, right)					\
	KUNIT_ASSERT_STREQ_MSG(test, left, right, "%s", "")

#define MODULE_DESCRIPTION(text)	_Static_assert(1, text)
#define MODULE_LICENSE(text)		_Static_assert(1, text)

#endif
