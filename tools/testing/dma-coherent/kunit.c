// SPDX-License-Identifier: GPL-2.0-only
/* Runs the cases of the suite that it is linked with. */
#include <kunit/test.h>
#include <stdarg.h>
#include <stdio.h>

struct kunit_mem {
	struct kunit_mem *next;
	max_align_t mem[];
};

void *kunit_kzalloc(struct kunit *test, size_t size, int gfp)
{
	struct kunit_mem *mem = calloc(1, sizeof(*mem) + size);

	(void)gfp;
	if (!mem)
		return NULL;
	mem->next = test->mem;
	test->mem = mem;
	return mem->mem;
}

void kunit_kfree(struct kunit *test, const void *ptr)
{
	struct kunit_mem **link = &test->mem, *mem;

	while ((mem = *link) && (const void *)mem->mem != ptr)
		link = &mem->next;
	if (mem) {
		*link = mem->next;
		free(mem);
	}
}

void kunit_wrong(struct kunit *test, bool leave, int line, const char *claim,
		 const char *format, ...)
{
	va_list args;

	fprintf(stderr, "# line %d: %s: ", line, claim);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	test->failed = true;
	if (leave)
		longjmp(test->stop, 1);
}

static bool run_one(const struct kunit_case *c, const void *param)
{
	struct kunit test = { .param_value = param };

	if (kunit_suite->init(&test))
		return false;
	if (!setjmp(test.stop))
		c->run_case(&test);
	kunit_suite->exit(&test);
	while (test.mem)
		kunit_kfree(&test, test.mem->mem);
	return !test.failed;
}

/* Return: how many runs of a case failed. */
static unsigned int run_case(const struct kunit_case *c, unsigned int *runs)
{
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	const void *param = NULL;
	unsigned int failed = 0;

	do {
		if (c->generate_params)
			param = c->generate_params(param, desc);
		if (c->generate_params && !param)
			break;
		++*runs;
		if (!run_one(c, param)) {
			fprintf(stderr, "FAILED: %s %s\n", c->name, desc);
			failed++;
		}
	} while (c->generate_params);
	return failed;
}

int main(void)
{
	const struct kunit_case *c;
	unsigned int runs = 0, failed = 0;

	for (c = kunit_suite->test_cases; c->run_case; c++)
		failed += run_case(c, &runs);
	printf("%s: %u cases, %u failed\n", kunit_suite->name, runs, failed);
	return !!failed;
}
