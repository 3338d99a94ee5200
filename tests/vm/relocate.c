// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relocates a BPF object for the types of another kernel and says of each relocation whether it
 * found what it looks for. The programs are not expected to load here.
 *   relocate OBJECT BTF
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>

static char current[512]; /* "PROGRAM KIND TYPE.FIELD" of the relocation at work */
static unsigned int relocations;

static void finish(const char *outcome)
{
	if (*current)
		printf("%s: %s\n", current, outcome);
	*current = '\0';
}

/* Numbers of types and offsets differ from kernel to kernel; what is looked for does not. */
static void begin(const char *program, const char *text)
{
	const char *name = strchr(text, ']'), *end = strstr(text, " (");

	if (!name || !end || end < name)
		return;
	snprintf(current, sizeof current, "%s %.*s%.*s", program, (int)strcspn(text, "["), text,
		 (int)(end - name - 2), name + 2);
	relocations++;
}

static int __attribute__((format(printf, 2, 0)))
print(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[2048], program[64];
	int after = 0;

	vsnprintf(line, sizeof line, format, arguments);
	if (sscanf(line, "libbpf: prog '%63[^']': relo #%*d: %n", program, &after) != 1 || !after)
		return 0;
	if (line[after] == '<')
		begin(program, line + after);
	else if (strstr(line + after, "substituting insn"))
		finish("nothing");
	else if (!strncmp(line + after, "patched insn", 12))
		finish("found");
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object_open_opts options = {.sz = sizeof options};
	struct bpf_program *program;
	struct bpf_object *object;

	if (argc != 3) {
		fprintf(stderr, "usage: relocate OBJECT BTF\n");
		return 2;
	}
	options.btf_custom_path = argv[2];
	libbpf_set_print(print);
	object = bpf_object__open_file(argv[1], &options);
	if (!object) {
		perror(argv[1]);
		return 1;
	}
	bpf_object__for_each_program(program, object) bpf_program__set_autoload(program, true);
	bpf_object__load(object);
	bpf_object__close(object);
	if (!relocations)
		fprintf(stderr, "relocate: %s: no relocation was made\n", argv[1]);
	return relocations ? 0 : 1;
}
