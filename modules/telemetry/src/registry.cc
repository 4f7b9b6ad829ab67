#include <charconv>
#include <cmath>
#include <map>
#include <mutex>

#include "kontor/base/assert.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::telemetry {
namespace {

enum class Kind : std::uint8_t { counter, histogram, gauge };

bool valid_name(std::string_view name) {
    if (name.empty()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return true;
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    char out[64];
    const auto end = std::to_chars(out, out + sizeof(out), value);  // shortest form, no locale
    return {out, end.ptr};
}

// Edges are whole microseconds; rounding first keeps 0.002015 from becoming 0.0020150000000000003.
std::string seconds(double ms) {
    return number(std::round(ms * 1000) / 1e6);
}

// Format 0.0.4: backslash and line feed are escaped in HELP.
std::string escape_help(std::string_view help) {
    std::string out;
    for (const char c : help) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

void sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
            std::string_view extra_label, const std::string& value) {
    out.append(name).append(suffix);
    if (!labels.empty() || !extra_label.empty()) {
        out.append("{").append(labels);
        if (!labels.empty() && !extra_label.empty()) out += ',';
        out.append(extra_label).append("}");
    }
    out.append(" ").append(value).append("\n");
}

}  // namespace

std::string label(std::string_view name, std::string_view value) {
    KONTOR_ASSERT(valid_name(name), "a label name is [a-zA-Z_][a-zA-Z0-9_]*");
    std::string out(name);
    out += "=\"";
    for (const char c : value) {
        if (c == '\\' || c == '"') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    out += '"';
    return out;
}

struct Registry::Impl {
    struct Series {
        std::unique_ptr<Counter> counter;
        std::unique_ptr<Histogram> histogram;
        std::function<double()> read;
    };
    struct Family {
        Kind kind;
        std::string help;
        std::map<std::string, Series, std::less<>> series;  // by labels; text() is sorted
    };

    mutable std::mutex mutex;
    std::map<std::string, Family, std::less<>> families;

    Series& series(std::string_view name, std::string_view help, std::string_view labels, Kind kind) {
        KONTOR_ASSERT(valid_name(name), "a metric name is [a-zA-Z_:][a-zA-Z0-9_:]*");
        auto found = families.find(name);
        if (found == families.end())
            found = families.emplace(std::string(name), Family{kind, std::string(help), {}}).first;
        KONTOR_ASSERT(found->second.kind == kind, "a metric name has one type");
        return found->second.series[std::string(labels)];
    }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, std::string_view labels) {
    const std::lock_guard lock(impl_->mutex);
    auto& series = impl_->series(name, help, labels, Kind::counter);
    if (!series.counter) series.counter = std::make_unique<Counter>();
    return *series.counter;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::string_view labels) {
    const std::lock_guard lock(impl_->mutex);
    auto& series = impl_->series(name, help, labels, Kind::histogram);
    if (!series.histogram) series.histogram = std::make_unique<Histogram>();
    return *series.histogram;
}

void Registry::gauge(std::string_view name, std::string_view help, std::function<double()> read,
                     std::string_view labels) {
    const std::lock_guard lock(impl_->mutex);
    impl_->series(name, help, labels, Kind::gauge).read = std::move(read);
}

std::string Registry::text() const {
    // Gauges run under the lock: they must not register metrics.
    const std::lock_guard lock(impl_->mutex);
    std::string out;
    for (const auto& [name, family] : impl_->families) {
        static constexpr std::string_view kTypes[] = {"counter", "summary", "gauge"};
        out.append("# HELP ").append(name).append(" ").append(escape_help(family.help)).append("\n");
        out.append("# TYPE ")
            .append(name)
            .append(" ")
            .append(kTypes[static_cast<unsigned>(family.kind)])
            .append("\n");
        for (const auto& [labels, series] : family.series) {
            if (series.counter) sample(out, name, "", labels, "", std::to_string(series.counter->value()));
            if (series.read) sample(out, name, "", labels, "", number(series.read()));
            if (!series.histogram) continue;
            const Histogram& histogram = *series.histogram;
            // Base units: Prometheus wants seconds.
            sample(out, name, "", labels, "quantile=\"0.5\"", seconds(histogram.percentile_ms(50)));
            sample(out, name, "", labels, "quantile=\"0.95\"", seconds(histogram.percentile_ms(95)));
            sample(out, name, "", labels, "quantile=\"0.99\"", seconds(histogram.percentile_ms(99)));
            sample(out, name, "_sum", labels, "", number(static_cast<double>(histogram.sum_us()) / 1e6));
            sample(out, name, "_count", labels, "", std::to_string(histogram.count()));
        }
    }
    return out;
}

}  // namespace kontor::telemetry
