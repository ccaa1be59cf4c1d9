# One Makefile, read from the root. A new .c file in a room needs no edit here.
#
#   make                 the product, ./velum, and the plugins
#   make demo            four nodes, one job, one of them killed
#   make check           every test; ends in one line "N passed, N failed, N skipped"
#   make chaos           real nodes killed and cut off, and other long modes: more than an hour
#   make planted         the core with one planted defect after another: the tests must find each
#   make bench           the figures, with medians
#   make sanitize        the tests under the address and undefined-behaviour sanitizers
#   make fuzz            looks for inputs that break a parser: T=SECONDS of each, F=TARGET, or all
#   make coverage        which branches of parsers, roles and merging the tests take
#   make tidy            the walls between the rooms, and the house style
#   make firmware        the board image for Cortex-M3
#   make install         into $(DESTDIR)$(PREFIX); uninstall takes it away again
#   make clean
#
# V=1 shows the commands. O=DIR builds another configuration, made by ./configure --build=DIR.

O ?= obj
BUILTINS = cat factor grep hash hash_find mandelbrot matmul noop pi png primes sleep sum wordcount \
           wordmerge

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all demo check chaos planted bench tidy sanitize fuzz coverage firmware install uninstall \
        clean suite-programs test-programs test-tools sanitize-run fuzz-targets coverage-run
all:

# As many jobs as cores, unless the caller has an opinion.
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
MAKEFLAGS += --no-print-directory

Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) '$(2)')

# --- configuration -------------------------------------------------------------------------------

ifeq ($(O),obj)
CONF = .
VELUM = velum
else
CONF = $(O)
VELUM = $(O)/velum
endif

# demo and check may be the first thing a newcomer types: they fetch what is missing.
FETCH = $(if $(filter demo check chaos,$(MAKECMDGOALS)),--install-deps)

# A new commit only rewrites config.h; an unchanged config.mk keeps its time.
THIS_BUILD = $(if $(filter .,$(CONF)),,--build=$(O))
CONFIGURE = $(CONFIGURE_ENV) ./configure $(or $(CONFIGURE_ARGS),$(THIS_BUILD))
$(O)/configured: configure $(wildcard .git/logs/HEAD)
	$(Q)$(CONFIGURE) $(FETCH)
$(CONF)/config.mk: $(O)/configured
	@test -f $@ || $(CONFIGURE) $(FETCH)
$(CONF)/config.h: $(CONF)/config.mk
	@test -f $@

WITHOUT_CONFIG = clean tidy sanitize coverage
ifneq ($(filter-out $(WITHOUT_CONFIG),$(or $(MAKECMDGOALS),all)),)
include $(CONF)/config.mk
endif

CFLAGS_ALL = -std=c11 -fPIE -pthread -ffp-contract=off -ffile-prefix-map=$(CURDIR)/= \
             -Wall -Wextra -Wshadow -Wconversion -Wvla -Werror \
             -I$(CONF) -I. $(CONF_CPPFLAGS) $(CONF_CFLAGS)
LINK = $(CC) $(CONF_CFLAGS) $(CONF_LDFLAGS) -pthread
# Silencing the linker's warnings (configure says why) silences undefined symbols too, in some
# linkers: what has no need of that is linked without, and so is the whole of velum once.
comma := ,
LINK_PURE = $(filter-out -Wl$(comma)--no-warnings,$(LINK))

# --- what there is -------------------------------------------------------------------------------

objects = $(patsubst %.c,$(O)/%.o,$(sort $(wildcard $(1))))

PURE_ROOMS := $(filter-out core/host core/sim core/api,$(wildcard core/*))
CORE_OBJS := $(call objects,$(PURE_ROOMS:%=%/*.c))
SIM_OBJS := $(call objects,core/sim/*.c)
HOST_OBJS := $(call objects,core/host/*.c) $(if $(filter 1,$(HAVE_TCC)),$(O)/tcc.o)
API_OBJS := $(call objects,core/api/*.c)
CMD_OBJS := $(call objects,cmd/*.c)
BUILTIN_OBJS := $(BUILTINS:%=$(O)/plugins/%.o)
TESTLIB_OBJS := $(call objects,tests/lib/*.c)
GOLDEN_OBJS := $(filter-out %/record.o,$(call objects,tests/golden/*.c))

PLUGIN_SOURCES := $(filter-out plugins/helper.c,$(sort $(wildcard plugins/*.c)))
PLUGINS := $(PLUGIN_SOURCES:plugins/%.c=$(O)/plugins/%.so)
TEST_PLUGINS := $(O)/test-plugins/built

# Tests of one module or of the disk may need the host or the commands; a trace, a fuzzer and the
# simulator must not: that they link without them proves the wall.
test_programs = $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/$(1)/test_*.c)))
HOST_TESTS := $(call test_programs,unit) $(call test_programs,crash) $(O)/tests/golden/record
# Fuzz targets (tests/fuzz/target.h): those of their own, and what the decoders' tests name.
FUZZ_OWN := $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/fuzz/targets/*.c)))
FUZZ_CODECS := $(patsubst tests/fuzz/test_%.c,$(O)/tests/fuzz/targets/%,\
                 $(sort $(wildcard tests/fuzz/test_*.c)))
FUZZ_TARGETS := $(FUZZ_OWN) $(FUZZ_CODECS)
$(if $(filter $(FUZZ_OWN),$(FUZZ_CODECS)),\
    $(error two fuzz targets have one name: $(filter $(FUZZ_OWN),$(FUZZ_CODECS))))
PURE_TESTS := $(call test_programs,trace) $(call test_programs,fuzz)
# The programs that measure (tests/bench): all but what they share.
BENCH_SHARED := $(patsubst %,$(O)/tests/bench/%.o,caged client group_commit task_stream)
BENCH_TOOLS := $(filter-out $(BENCH_SHARED:.o=),$(patsubst %.c,$(O)/%,$(sort $(wildcard tests/bench/*.c))))
SIM := $(if $(wildcard tests/sim/*.c),$(O)/tests/sim/sim)

# --- the product ---------------------------------------------------------------------------------

all: $(VELUM) $(PLUGINS) $(O)/libvelum.a

$(O)/velum.full: $(CMD_OBJS) $(API_OBJS) $(HOST_OBJS) $(SIM_OBJS) $(CORE_OBJS) $(BUILTIN_OBJS)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

# The copy with symbols stays in $(O) for profilers and debuggers.
$(VELUM): $(O)/velum.full
	$(call say,$(if $(KEEP_SYMBOLS),COPY,STRIP),$@)
	$(Q)$(if $(KEEP_SYMBOLS),cp $< $@.new,$(STRIP) -o $@.new $<) && mv -f $@.new $@

# Objects follow the flags and the recipes that made them. The operating system is visible only
# where it may be used.
$(O)/core/host/%.o $(O)/core/api/%.o $(O)/cmd/%.o $(O)/tests/%.o: SYSTEM = -D_GNU_SOURCE
$(O)/%.o: %.c $(CONF)/config.mk Makefile | $(CONF)/config.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) $(SYSTEM) -MMD -MP -c -o $@ $<

# snippet_headers.c takes them in by .incbin, which no compiler reports as a dependency.
$(O)/core/host/snippet_headers.o: plugins/velum_kernel.h plugins/helper.c \
	$(wildcard core/host/snippet/*.[ch])

# libtcc with other functions in place of the C library's (core/host/snippet_system.h), and without
# names of its own that a program could have as well: only what snippet.c calls is left.
TCC_CALLS = tcc_new tcc_delete tcc_set_error_func tcc_set_options tcc_set_output_type \
            tcc_add_sysinclude_path tcc_define_symbol tcc_add_symbol tcc_add_file tcc_relocate \
            tcc_get_symbol
$(O)/tcc.o: core/host/snippet.syms $(CONF)/config.mk Makefile
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(LD) -r --whole-archive -o $@.new $(TCC_ARCHIVE)
	$(Q)$(OBJCOPY) --redefine-syms=$< $(TCC_CALLS:%=--keep-global-symbol=%) $@.new $@ && rm -f $@.new

# --- the library ---------------------------------------------------------------------------------

# One object with everything velum.h needs and nothing else, in which only the functions of velum.h
# have names: a program may have functions of the same names as any of ours.
$(O)/libvelum.syms: core/api/velum.h
	@mkdir -p $(@D)
	$(Q)grep -oE '\<velum_[a-z_]+\(' $< | tr -d '(' | LC_ALL=C sort -u >$@

$(O)/libvelum.o: $(O)/libvelum.syms $(API_OBJS) $(HOST_OBJS) $(CORE_OBJS) $(BUILTIN_OBJS)
	$(call say,LD,$@)
	$(Q)$(LD) -r --gc-sections $$(sed 's/^/-u /' $<) -o $@.new $(filter %.o,$^)
	$(Q)$(OBJCOPY) --strip-unneeded --keep-global-symbols=$< $@.new $@ && rm -f $@.new

$(O)/libvelum.a: $(O)/libvelum.o

# --- kernels: built-in and as plugins, from the same source --------------------------------------

# What is called after the first word of a kernel is part of its source: grep_*.h of grep.c, png_*.h
# of png.c, and hash_*.h of hash.c and hash_find.c.
source = $(1) $(sort $(wildcard $(firstword $(subst _, ,$(1:.c=)))_*.h))
digest = -DVELUM_SOURCE_DIGEST="\"$$(cat $(call source,$(1)) | sha256sum | cut -c1-64)\""

$(BUILTIN_OBJS): $(O)/plugins/%.o: plugins/%.c $(CONF)/config.mk Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -DVELUM_BUILTIN $(call digest,$<) -MMD -MP -c -o $@ $<

# A plugin needs no library: it is freestanding, and the few functions compilers call behind one's
# back come from the helper. No stack protector, because its canary lives in a C library.
PLUGIN_CFLAGS = -std=c11 -O2 -ffreestanding -fPIC -fvisibility=hidden -fno-stack-protector \
                -fno-asynchronous-unwind-tables -ffp-contract=off -ffile-prefix-map=$(CURDIR)/= \
                -Wall -Wextra -Wshadow -Wconversion -Wvla -Werror -I. -Iplugins
PLUGIN_LDFLAGS = -shared -nostdlib -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
                 -Wl,--build-id=none -Wl,--hash-style=gnu -s

$(O)/pic/%.o: %.c $(CONF)/config.mk Makefile
	@mkdir -p $(@D)
	$(call say,CC,$< (plugin))
	$(Q)$(CC) $(PLUGIN_CFLAGS) $(call digest,$<) -MMD -MP -c -o $@ $<

$(PLUGINS): $(O)/plugins/%.so: $(O)/pic/plugins/%.o $(O)/pic/plugins/helper.o
	@mkdir -p $(@D)
	$(call say,SO,$@)
	$(Q)$(CC) $(PLUGIN_LDFLAGS) -Wl,-z,defs -o $@ $^

# Good ones and ones that are broken on purpose, which velum must refuse.
$(TEST_PLUGINS): $(wildcard tests/plugins/* tests/plugins/bad/*) $(wildcard plugins/*.[ch]) \
                 $(CONF)/config.mk
	@mkdir -p $(@D)
	$(call say,SO,$(@D)/*.so)
	$(Q)CC="$(CC)" tests/plugins/build.sh $(@D)
	@touch $@

# cmd/completion.c takes the scripts in by .incbin, which no compiler reports as a dependency.
$(O)/cmd/completion.o: completions/velum.bash completions/_velum completions/velum.fish

# --- tests ---------------------------------------------------------------------------------------

$(O)/libcore.a: $(CORE_OBJS) $(BUILTIN_OBJS)
$(O)/libhost.a: $(HOST_OBJS)
$(O)/libcmd.a: $(CMD_OBJS)
$(O)/libsim.a: $(SIM_OBJS)
$(O)/libapi.a: $(API_OBJS)
$(O)/libcore.a $(O)/libhost.a $(O)/libsim.a $(O)/libcmd.a $(O)/libapi.a $(O)/libvelum.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(HOST_TESTS): $(TESTLIB_OBJS)
$(BENCH_TOOLS): $(BENCH_SHARED)
$(HOST_TESTS) $(BENCH_TOOLS): $(O)/%: $(O)/%.o $(O)/libcmd.a $(O)/libapi.a $(O)/libhost.a \
               $(O)/libsim.a $(O)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

# The golden files are written by one program and read by another (tests/golden/golden.h).
$(O)/tests/unit/test_golden $(O)/tests/golden/record: $(GOLDEN_OBJS)

$(PURE_TESTS): $(O)/%: $(O)/%.o $(TESTLIB_OBJS) $(O)/libsim.a $(O)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK_PURE) -o $@ $^ -lm

# With libFuzzer, or with a driver of our own, as this configuration has it.
FUZZER := $(findstring fuzzer,$(CONF_CFLAGS))
FUZZ_MAIN := $(O)/tests/fuzz/target.o $(if $(FUZZER),,$(O)/tests/fuzz/driver.o)
FUZZ_WRAP := -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free
$(FUZZ_OWN): $(O)/tests/fuzz/targets/%: $(O)/tests/fuzz/targets/%.o
$(FUZZ_CODECS): $(O)/tests/fuzz/targets/%: $(O)/tests/fuzz/test_%.target.o
$(FUZZ_TARGETS): $(FUZZ_MAIN) $(TESTLIB_OBJS) $(GOLDEN_OBJS) $(O)/libcmd.a $(O)/libapi.a \
                 $(O)/libhost.a $(O)/libsim.a $(O)/libcore.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK) $(if $(FUZZER),-fsanitize=fuzzer) $(FUZZ_WRAP) -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(LIBS)

$(O)/tests/fuzz/%.target.o: tests/fuzz/%.c $(CONF)/config.mk Makefile | $(CONF)/config.h
	@mkdir -p $(@D)
	$(call say,CC,$< (target))
	$(Q)$(CC) $(CFLAGS_ALL) -D_GNU_SOURCE -DFUZZ_TARGET -MMD -MP -c -o $@ $<

$(SIM): $(call objects,tests/sim/*.c) $(SIM_OBJS) $(TESTLIB_OBJS) $(O)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK_PURE) -o $@ $^ -lm

# The chaos driver knows nothing of the product but its command line; of the core it takes the prng,
# text and SHA-256.
CHAOS := $(O)/tests/chaos/driver/driver
CHAOS_OBJS := $(filter-out %/wall.o,$(call objects,tests/chaos/driver/*.c))
$(CHAOS): $(CHAOS_OBJS) $(O)/tests/lib/ensure.o $(O)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK_PURE) -o $@ $^ -lm

# A static executable takes no LD_PRELOAD: where the driver gives nodes wrong clocks, the same objects
# are linked with shared libraries.
CHAOS_WALL := $(O)/tests/chaos/driver/wall.so
$(CHAOS_WALL): tests/chaos/driver/wall.c $(CONF)/config.mk Makefile
	@mkdir -p $(@D)
	$(call say,SO,$@)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -fPIC -Wall -Wextra -Wshadow -Wconversion -Wvla -Werror \
		-shared -o $@ $<
$(O)/velum.shared: $(CMD_OBJS) $(API_OBJS) $(HOST_OBJS) $(SIM_OBJS) $(CORE_OBJS) $(BUILTIN_OBJS)
	$(call say,LINK,$@)
	$(Q)$(patsubst -static-pie,-pie,$(LINK_PURE)) -o $@ $^ $(LIBS)

# The product once more, but a chosen call of its own code can be made to fail.
FAULTY := $(O)/tests/chaos/velum-faulty
FAULTY_OBJS := $(patsubst $(O)/%,$(O)/faulty/%,$(CMD_OBJS) $(API_OBJS) $(HOST_OBJS))

$(O)/faulty/%.o: $(O)/%.o tests/chaos/faulty.syms
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-syms=tests/chaos/faulty.syms $< $@

$(FAULTY): $(FAULTY_OBJS) $(O)/tests/chaos/faulty.o $(SIM_OBJS) $(CORE_OBJS) $(BUILTIN_OBJS)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

# Where tests have built another product, it follows the first.
all: $(wildcard $(O)/velum.shared $(FAULTY))

# What all suites but chaos need, and all that tests and measures.
suite-programs: $(HOST_TESTS) $(PURE_TESTS) $(FUZZ_TARGETS) $(SIM) $(TEST_PLUGINS) $(PLUGINS) \
                $(VELUM) $(FAULTY)
test-programs: suite-programs $(BENCH_TOOLS) $(CHAOS) $(CHAOS_WALL) $(O)/velum.shared

# Without bats the tests of the command line would only be skipped, without the others those that
# make a network of their own.
test-tools:
	@PATH=$$PATH:/usr/sbin:/sbin; for tool in bats ip nft pkg-config; do \
		command -v $$tool >/dev/null || { $(CONFIGURE) --install-deps || true; break; }; done

RUN_TESTS = tests/run.sh --objects $(O) --velum $(VELUM)

check: test-programs test-tools $(O)/libvelum.a
	@$(RUN_TESTS)

chaos: test-programs test-tools
	@VELUM=$(abspath $(VELUM)) VELUM_OBJECTS=$(abspath $(O)) tests/chaos/all.sh

planted: test-programs
	@VELUM_OBJECTS=$(abspath $(O)) CC="$(CC)" tests/sim/planted.sh --all

# The same programs with sanitizers; the whole command line runs too slowly under them, so a smoke
# test stands for it.
sanitize:
	$(Q)test -f obj-san/config.mk || ./configure --build=obj-san --sanitize=address,undefined
	@$(MAKE) O=obj-san sanitize-run
# With a sanitizer no worker is shut in (34 skips), and some of its limits are the sanitizer's (3).
# Memory that was freed is kept from use until so much more was: with the usual 256 MB most of the
# time goes into fresh pages.
sanitize-run: suite-programs test-tools
	@ASAN_OPTIONS=quarantine_size_mb=16 ALLOWED_SKIPS=37 $(RUN_TESTS) --seeds 100 --slow unit trace crash fuzz sim smoke

# The tests of what is measured.
COVERED := $(patsubst %,$(O)/tests/unit/test_%,account act append_levels beacon bytes chain conf \
             cover cover_search cover_stages demand elf_check fact frame golden identity input \
             introduce join join_desk join_notes journal journal_check ledger ledger_bounds \
             ledger_cancels ledger_large ledger_like ledger_search ledger_stages ledger_unlike \
             limits_wire listening mesh_wire move object_request opt order output permit picture \
             receipt record request rolled scan session_kinds session_lists signed snippet spec \
             spec_check spent text tier tokens tree verify verify_collect verify_search \
             verify_stages view) \
           $(patsubst %,$(O)/tests/trace/test_%,accounts append append_bounds ended graph holder \
             kill_stage owned permit removal search spent unlike) $(FUZZ_TARGETS)
coverage:
	$(Q)test -f obj-cov/config.mk || ./configure --build=obj-cov --coverage
	@$(MAKE) O=obj-cov coverage-run
coverage-run: $(COVERED) $(PLUGINS)
	@tests/coverage.sh $(O) $(COVERED)

# libFuzzer's own build, which the seeds of the usual one begin with. Its compiler is fetched when it
# is asked for.
T = 60
F =
fuzz: fuzz-targets $(PLUGINS)
	$(Q)test -f obj-fuzz/config.mk || ./configure --build=obj-fuzz --fuzz --install-deps
	@$(MAKE) O=obj-fuzz fuzz-targets
	@VELUM_OBJECTS=$(O) tests/fuzz/run.sh obj-fuzz $(T) $(F)
fuzz-targets: $(if $(F),$(F:%=$(O)/tests/fuzz/targets/%),$(FUZZ_TARGETS))

tidy:
	@tests/tidy.sh

bench: all test-programs
	@VELUM=$(abspath $(VELUM)) VELUM_OBJECTS=$(abspath $(O)) tests/bench/run.sh

demo: all
	@VELUM=$(abspath $(VELUM)) VELUM_OBJECTS=$(abspath $(O)) tests/demo.sh

# --- firmware ------------------------------------------------------------------------------------

ARM = arm-none-eabi-
ARM_CFLAGS = -std=c11 -mcpu=cortex-m3 -mthumb -Os -ffreestanding -ffp-contract=off \
             -ffile-prefix-map=$(CURDIR)/= -Wall -Wextra -Wshadow -Wconversion -Wvla -Werror -I.
FIRMWARE_ROOMS = core/base core/wire core/job core/kernel
FIRMWARE_SOURCES := $(filter-out core/base/log.c,$(sort $(wildcard $(FIRMWARE_ROOMS:%=%/*.c)))) \
                    $(BUILTINS:%=plugins/%.c) $(sort $(wildcard firmware/*.c))
FIRMWARE_OBJS := $(FIRMWARE_SOURCES:%.c=$(O)/m3/%.o)

firmware: $(O)/firmware/board_m3.elf

$(O)/m3/plugins/%.o: BUILTIN = -DVELUM_BUILTIN $(call digest,$<)
$(O)/m3/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$< (Cortex-M3))
	$(Q)$(ARM)gcc $(ARM_CFLAGS) $(BUILTIN) -MMD -MP -c -o $@ $<

# Everything is linked, not only what the board calls, so that each file of these rooms is proved to
# need nothing of an operating system; the C library gives memcpy and its kin only.
$(O)/firmware/board_m3.elf: $(FIRMWARE_OBJS) firmware/m3.ld
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(ARM)gcc -mcpu=cortex-m3 -mthumb -nostdlib -Wl,-T,firmware/m3.ld -Wl,--build-id=none \
		-o $@ $(FIRMWARE_OBJS) -lc_nano -lgcc
	$(Q)firmware/symbols.sh $(ARM)nm $@
	$(Q)$(ARM)size $@

ifneq ($(filter firmware,$(MAKECMDGOALS)),)
ifeq ($(shell command -v $(ARM)gcc),)
$(error no $(ARM)gcc here; install it: apt-get install gcc-arm-none-eabi)
endif
endif

# --- installation --------------------------------------------------------------------------------

PREFIX ?= /usr/local
# What a program needs that links the library, with shared libraries or without: the library reads no
# settings file, and what it was sanitized with must be there too.
LIBS_OF_USERS = $(filter-out -linih,$(LIBS)) $(filter -fsanitize=%,$(CONF_LDFLAGS))
DEST = $(DESTDIR)$(PREFIX)
INSTALLED = bin/velum lib/velum lib/libvelum.a lib/pkgconfig/velum.pc include/velum \
            share/man/man1/velum.1 share/man/man3/velum.3 share/man/man7/velum-security.7 \
            share/doc/velum \
            share/bash-completion/completions/velum share/zsh/site-functions/_velum \
            share/fish/vendor_completions.d/velum.fish

install: all
	$(Q)install -D -m 755 $(VELUM) $(DEST)/bin/velum
	$(Q)install -d $(DEST)/lib/velum/plugins
	$(Q)install -m 644 $(PLUGINS) $(DEST)/lib/velum/plugins/
	$(Q)install -D -m 644 plugins/velum_kernel.h $(DEST)/include/velum/velum_kernel.h
	$(Q)install -m 644 core/api/velum.h $(DEST)/include/velum/velum.h
	$(Q)install -D -m 644 $(O)/libvelum.a $(DEST)/lib/libvelum.a
	$(Q)install -d $(DEST)/lib/pkgconfig
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(LIBS_OF_USERS)|' \
		core/api/velum.pc.in >$(DEST)/lib/pkgconfig/velum.pc
	$(Q)chmod 644 $(DEST)/lib/pkgconfig/velum.pc
	$(Q)install -D -m 644 cmd/man/velum.1 $(DEST)/share/man/man1/velum.1
	$(Q)install -D -m 644 cmd/man/velum.3 $(DEST)/share/man/man3/velum.3
	$(Q)install -D -m 644 cmd/man/velum-security.7 $(DEST)/share/man/man7/velum-security.7
	$(Q)install -d $(DEST)/share/doc/velum/examples
	$(Q)install -m 644 core/api/examples/*.c $(DEST)/share/doc/velum/examples/
	$(Q)install -D -m 644 LICENSE $(DEST)/share/doc/velum/LICENSE
	$(Q)install -D -m 644 conf/velum.conf $(DEST)/share/doc/velum/velum.conf
	$(Q)sed 's|@PREFIX@|$(PREFIX)|' conf/velum.service >$(DEST)/share/doc/velum/velum.service
	$(Q)chmod 644 $(DEST)/share/doc/velum/velum.service
	$(Q)install -m 644 conf/wordcount.flow $(DEST)/share/doc/velum/examples/
	$(Q)install -D -m 644 completions/velum.bash $(DEST)/share/bash-completion/completions/velum
	$(Q)install -D -m 644 completions/_velum $(DEST)/share/zsh/site-functions/_velum
	$(Q)install -D -m 644 completions/velum.fish \
		$(DEST)/share/fish/vendor_completions.d/velum.fish

# What was installed with a prefix of its own is removed with the same one.
uninstall:
	$(Q)rm -rf $(INSTALLED:%=$(DEST)/%)

clean:
	$(Q)rm -rf obj obj-san obj-fuzz obj-cov build velum $(if $(filter-out obj,$(O)),$(O))

# -------------------------------------------------------------------------------------------------

-include $(shell find $(O) -name '*.d' 2>/dev/null)
