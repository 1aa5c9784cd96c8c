{# The loop over the synapses of an all-to-all connection: the rows of the neurons that had the event, no index array
   and no queue; four rows at a time where no synapse is written to (where one is, the compiler cannot know that the
   rows differ). The statements are those of Brian2's ordinary loop, in its order. Post events meet columns: row by
   row, or as the rows of a turned copy. What events only add, the same to each row, is computed once a step and held for
   up to 16 steps; then each row takes all that its events added. Where synapses have delays, Brian2's queue gives those
   that the events reach. #}
{% extends 'common_synapses.cpp' %}
{% block extra_headers %}
{{ super() }}
#include <algorithm>
#include <vector>
{% for copy in events_of(pathway).turned %}
{% if loop.first %}
#ifndef SPIKELEARN_TURNED
#define SPIKELEARN_TURNED
template <typename T> struct Turned      // the columns of an array of synapses as rows
{
    std::vector<T> values;
    bool valid = false;                  // a copy that is read: still equal to the array
    bool due = false;                    // a copy that is added to: not yet collected
};
template <typename T, typename F> inline void in_blocks(size_t n_pre, size_t n_post, F each)
{
    for (size_t i0 = 0; i0 < n_pre; i0 += 16)
        for (size_t j0 = 0; j0 < n_post; j0 += 16)
            for (size_t i = i0; i < n_pre && i < i0 + 16; i++)
                for (size_t j = j0; j < n_post && j < j0 + 16; j++)
                    each(i * n_post + j, j * n_pre + i);
}
template <typename T> inline void collect_turned(Turned<T>& turned, std::vector<T>& array, size_t n_pre, size_t n_post)
{
    if (!turned.due)
        return;
    in_blocks<T>(n_pre, n_post, [&](size_t here, size_t there) { array[here] += turned.values[there]; });
    turned.values.assign(n_pre * n_post, 0);
    turned.due = false;
}
#endif
{% endif %}
#ifndef TURNED_{{copy.vector}}
#define TURNED_{{copy.vector}}
inline Turned<{{copy.type}}>& turned_{{copy.vector}}() { static Turned<{{copy.type}}> turned; return turned; }
#endif
{% endfor %}
{% for sums in events_of(pathway).held %}
{% if loop.first %}
#ifndef SPIKELEARN_HELD
#define SPIKELEARN_HELD
template <typename T> struct Held        // what events added in some steps, not yet in the array
{
    static const int most = 16;
    std::vector<T> values;               // a line a step: what each event of the step adds to its row
    std::vector<uint8_t> steps, counts;  // of each row: the steps in which it had an event, and how many
    int n_steps = 0;

    T* next(size_t n_rows, size_t n)     // the line of a step that begins
    {
        values.resize(most * n);
        steps.resize(most * n_rows);
        counts.resize(n_rows);
        T* const line = &values[n_steps++ * n];
        std::fill(line, line + n, T(0));
        return line;
    }
    void had_event(size_t row) { steps[most * row + counts[row]++] = n_steps - 1; }
    void bring_in(T* array, size_t n)
    {
        for (size_t row = 0; row < counts.size() && n_steps > 0; row++)
        {
            const uint8_t* const step = &steps[most * row];
            int event = 0;
            for (; event + 4 <= counts[row]; event += 4)
                add(array + row * n, n, line(step[event], n), line(step[event + 1], n), line(step[event + 2], n),
                    line(step[event + 3], n));
            for (; event < counts[row]; event++)
                add(array + row * n, n, line(step[event], n));
            counts[row] = 0;
        }
        n_steps = 0;
    }
    const T* line(int step, size_t n) const { return &values[step * n]; }
    static void add(T* __restrict to, size_t n, const T* __restrict a)
    {
        for (size_t k = 0; k < n; k++)
            to[k] += a[k];
    }
    static void add(T* __restrict to, size_t n, const T* __restrict a, const T* __restrict b, const T* __restrict c,
                    const T* __restrict d)
    {
        for (size_t k = 0; k < n; k++)
            to[k] = (((to[k] + a[k]) + b[k]) + c[k]) + d[k];
    }
};
#endif
{% endif %}
{% set n_pre, n_post = events_of(pathway).n_pre, events_of(pathway).n_post %}
#ifndef HELD_{{sums.name}}
#define HELD_{{sums.name}}
inline Held<{{sums.type}}>& held_{{sums.name}}() { static Held<{{sums.type}}> held; return held; }
inline void bring_in_{{sums.name}}()
{
    if (held_{{sums.name}}().n_steps == 0)
        return;
    {% if sums.by_post %}
    Turned<{{sums.type}}>& turned = turned_{{sums.vector}}();
    turned.values.resize(brian::{{sums.vector}}.size());
    turned.due = true;
    held_{{sums.name}}().bring_in(turned.values.data(), {{n_pre}});
    {% else %}
    held_{{sums.name}}().bring_in(brian::{{sums.vector}}.data(), {{n_post}});
    {% endif %}
}
#endif
{% endfor %}
{% endblock %}
{% block maincode %}
    {% set all = events_of(pathway) %}
    {% set own = all.held|selectattr('own')|list %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int32_t* const _events = {{all.array}};
    const bool _delayed = {{pathway.name}}.queue[0]->queue.size() > 1;       // see synapses_push_spikes.cpp
    const std::vector<int32_t> _arrived = _delayed ? *{{pathway.name}}.peek() : std::vector<int32_t>();
    const int32_t _n_events = _delayed ? _arrived.size() : _events[{{all.count}}];
    int32_t _event = 0;
    {% for sums in all.held if not sums.own %}
    if (_n_events > 0)
        bring_in_{{sums.name}}();
    {% endfor %}
    {% if all.side == 'pre' %}
    {% for copy in all.turned %}
    {% if copy.collect %}
    if (_n_events > 0)
        collect_turned(turned_{{copy.vector}}(), {{copy.vector}}, {{all.n_pre}}, {{all.n_post}});
    {% endif %}
    {% if copy.outdate %}
    if (_n_events > 0)
        turned_{{copy.vector}}().valid = false;
    {% endif %}
    {% endfor %}
    {% elif all.turned %}
    {% for copy in all.turned %}
    Turned<{{copy.type}}>& _turned_{{loop.index}} = turned_{{copy.vector}}();
    if (_n_events > 0 && {{ '!_turned_%d.due' % loop.index if copy.kind == 'collected' else '!_turned_%d.valid' % loop.index }})
    {
        _turned_{{loop.index}}.values.resize({{copy.vector}}.size());
        {% if copy.kind == 'collected' %}
        _turned_{{loop.index}}.due = true;
        {% else %}
        in_blocks<{{copy.type}}>({{all.n_pre}}, {{all.n_post}}, [&](size_t here, size_t there) {
            _turned_{{loop.index}}.values[there] = {{copy.vector}}[here]; });
        _turned_{{loop.index}}.valid = true;
        {% endif %}
    }
    {% endfor %}
    {% endif %}
    {% set by_column = all.side == 'post' and all.turned %}
    if (_delayed)
    {
        {% for copy in all.turned if by_column %}
        {{copy.type}}* __restrict {{copy.pointer}} = _turned_{{loop.index}}.values.data();
        {% endfor %}
        for (const int32_t _synapse : _arrived)
        {
            const int32_t _line = _synapse / {{all.n_post}}, _column = _synapse % {{all.n_post}};
            const int32_t _presynaptic_idx = _line + {{all.first_pre}};
            const int32_t _postsynaptic_idx = _column + {{all.first_post}};
            const size_t _idx = {{ '(size_t) _column * %d + _line' % all.n_pre if by_column else '_synapse' }};
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
    else
    {% set event, other, n_other, first_other = ('_presynaptic_idx', '_postsynaptic_idx', all.n_post, all.first_post)
           if all.side == 'pre' else ('_postsynaptic_idx', '_presynaptic_idx', all.n_pre, all.first_pre) %}
    {% if own %}
    {
        Held<{{own[0].type}}>& _held = held_{{own[0].name}}();
        while (_event < _n_events && _events[_event] < {{all.start}})
            _event++;
        if (_event < _n_events && _events[_event] < {{all.stop}})
        {
            {{own[0].type}}* __restrict {{own[0].pointer}} = _held.next({{all.stop - all.start}}, {{n_other}});
            for (int32_t _column = 0; _column < {{n_other}}; _column++)
            {
                const int32_t {{other}} = _column + {{first_other}};
                const size_t _idx = _column;
                const size_t _vectorisation_idx = _idx;
                {{vector_code|autoindent}}
            }
            for (; _event < _n_events && _events[_event] < {{all.stop}}; _event++)
                _held.had_event(_events[_event] - {{all.start}});
            if (_held.n_steps == _held.most)
                bring_in_{{own[0].name}}();
        }
    }
    {% elif all.side == 'pre' or all.turned %}
    {
        {% for copy in all.turned if all.side == 'post' %}
        {{copy.type}}* __restrict {{copy.pointer}} = _turned_{{loop.index}}.values.data();
        {% endfor %}
        while (_event < _n_events && _events[_event] < {{all.start}})
            _event++;
        {% for rows in ((1,) if '[_idx] = ' in vector_code|string else (4, 1)) %}
        for (; _event + {{rows}} <= _n_events && _events[_event + {{rows}} - 1] < {{all.stop}}; _event += {{rows}})
            for (int32_t _column = 0; _column < {{n_other}}; _column++)
            {
                const int32_t {{other}} = _column + {{first_other}};
                {% for row in range(rows) %}
                {
                    const int32_t {{event}} = _events[_event + {{row}}];
                    const size_t _idx = (size_t) ({{event}} - {{all.start}}) * {{n_other}} + _column;
                    const size_t _vectorisation_idx = _idx;
                    {{vector_code|autoindent}}
                }
                {% endfor %}
            }
        {% endfor %}
    }
    {% else %}
    for (int32_t _line = 0; _n_events > 0 && _line < {{all.n_pre}}; _line++)      // row by row: columns are far apart
        for (_event = 0; _event < _n_events; _event++)
        {
            const int32_t _presynaptic_idx = _line + {{all.first_pre}};
            const int32_t _postsynaptic_idx = _events[_event];
            {% if not all.whole %}
            if (_postsynaptic_idx < {{all.start}} || _postsynaptic_idx >= {{all.stop}})
                continue;
            {% endif %}
            const size_t _idx = (size_t) _line * {{all.n_post}} + (_postsynaptic_idx - {{all.start}});
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    {% endif %}
{% endblock %}

{% block extra_functions_cpp %}
{% set all = events_of(pathway) %}
{% if all.turned or all.held %}
void _collect_{{codeobj_name}}()
{
    using namespace brian;
    {% for sums in all.held if sums.own %}
    bring_in_{{sums.name}}();
    {% endfor %}
    {% for copy in all.turned if copy.kind == 'collected' %}
    collect_turned(turned_{{copy.vector}}(), {{copy.vector}}, {{all.n_pre}}, {{all.n_post}});
    {% endfor %}
}
{% endif %}
{% endblock %}

{% block after_code %}
{% if events_of(pathway).turned or events_of(pathway).held %}
    void _collect_{{codeobj_name}}();
    _collect_{{codeobj_name}}();
{% else %}
    // EMPTY_CODE_BLOCK
{% endif %}
{% endblock %}
