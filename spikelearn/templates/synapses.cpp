{# The loop over the synapses of an all-to-all connection without delays: the rows of the neurons that had the event,
   no index array and no queue; four rows at a time where no synapse is written to (where one is, the compiler cannot
   know that the rows differ). The statements are those of Brian2's ordinary loop, in its order. #}
{% extends 'common_synapses.cpp' %}
{% set _all = events_of(pathway) %}
{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int32_t* const _events = {{_all.array}};
    const int32_t _n_events = _events[{{_all.count}}];
    int32_t _event = 0;
    {% if _all.side == 'pre' %}
    while (_event < _n_events && _events[_event] < {{_all.start}})
        _event++;
    {% for rows in ((1,) if '[_idx] = ' in vector_code|string else (4, 1)) %}
    for (; _event + {{rows}} <= _n_events && _events[_event + {{rows}} - 1] < {{_all.stop}}; _event += {{rows}})
        for (int32_t _column = 0; _column < {{_all.n_post}}; _column++)
        {
            const int32_t _postsynaptic_idx = _column + {{_all.first_post}};
            {% for row in range(rows) %}
            {
                const int32_t _presynaptic_idx = _events[_event + {{row}}];
                const size_t _idx = (size_t) (_presynaptic_idx - {{_all.start}}) * {{_all.n_post}} + _column;
                const size_t _vectorisation_idx = _idx;
                {{vector_code|autoindent}}
            }
            {% endfor %}
        }
    {% endfor %}
    {% else %}
    for (int32_t _line = 0; _n_events > 0 && _line < {{_all.n_pre}}; _line++)      // row by row: columns are far apart
        for (_event = 0; _event < _n_events; _event++)
        {
            const int32_t _presynaptic_idx = _line + {{_all.first_pre}};
            const int32_t _postsynaptic_idx = _events[_event];
            {% if not _all.whole %}
            if (_postsynaptic_idx < {{_all.start}} || _postsynaptic_idx >= {{_all.stop}})
                continue;
            {% endif %}
            const size_t _idx = (size_t) _line * {{_all.n_post}} + (_postsynaptic_idx - {{_all.start}});
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    {% endif %}
{% endblock %}
