{# The loop over the synapses of an all-to-all connection: the rows of the neurons that had the event, no index array
   and no queue; four rows at a time where no synapse is written to (where one is, the compiler cannot know that the
   rows differ). The statements are those of Brian2's ordinary loop, in its order. Post events meet columns: row by
   row, or as the rows of a turned copy. Where synapses have delays, Brian2's queue gives those that the events reach. #}
{% extends 'common_synapses.cpp' %}
{% block extra_headers %}
{{ super() }}
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
{% endblock %}
{% block maincode %}
    {% set all = events_of(pathway) %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int32_t* const _events = {{all.array}};
    const bool _delayed = {{pathway.name}}.queue[0]->queue.size() > 1;       // see synapses_push_spikes.cpp
    const std::vector<int32_t> _arrived = _delayed ? *{{pathway.name}}.peek() : std::vector<int32_t>();
    const int32_t _n_events = _delayed ? _arrived.size() : _events[{{all.count}}];
    int32_t _event = 0;
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
    {% if all.side == 'pre' or all.turned %}
    {% set event, other, n_other, first_other = ('_presynaptic_idx', '_postsynaptic_idx', all.n_post, all.first_post)
           if all.side == 'pre' else ('_postsynaptic_idx', '_presynaptic_idx', all.n_pre, all.first_pre) %}
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
{% if all.turned %}
void _collect_{{codeobj_name}}()
{
    using namespace brian;
    {% for copy in all.turned if copy.kind == 'collected' %}
    collect_turned(turned_{{copy.vector}}(), {{copy.vector}}, {{all.n_pre}}, {{all.n_post}});
    {% endfor %}
}
{% endif %}
{% endblock %}

{% block after_code %}
{% if events_of(pathway).turned %}
    void _collect_{{codeobj_name}}();
    _collect_{{codeobj_name}}();
{% else %}
    // EMPTY_CODE_BLOCK
{% endif %}
{% endblock %}
