// jemalloc's settings, compiled in (docs/adr/0008); MALLOC_CONF in the environment overrules them.

extern "C" {
// Its name for "look here"; read before main().
// NOLINTNEXTLINE
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";
}
