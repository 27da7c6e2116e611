// SPDX-License-Identifier: GPL-2.0-only
/* Runs files of the fuzzer's corpus once each, where there is no libFuzzer. */
#include <stdio.h>
#include <linux/types.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int main(int argc, char **argv)
{
	static u8 data[1 << 16];
	size_t size;
	FILE *file;
	int i;

	for (i = 1; i < argc; i++) {
		file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, sizeof(data), file);
		fclose(file);
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("replay: %d inputs\n", argc - 1);
	return 0;
}
