{# The loop over the synapses of an all-to-all connection without delays: the row of each event's neuron, no index
   array and no queue. The statements are those of Brian2's ordinary loop. #}
{% extends 'common_synapses.cpp' %}
{% set _all = events_of(pathway) %}
{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int32_t* const _events = {{_all.array}};
    const int32_t _n_events = _events[{{_all.count}}];
    for (int32_t _event = 0; _event < _n_events; _event++)
    {
        const int32_t _of = _events[_event];
        if (_of < {{_all.start}} || _of >= {{_all.stop}})
            continue;
        {% if _all.side == 'pre' %}
        const int32_t _presynaptic_idx = _of;
        const size_t _row = (size_t) (_of - {{_all.start}}) * {{_all.n_post}};
        for (int32_t _column = 0; _column < {{_all.n_post}}; _column++)
        {
            const int32_t _postsynaptic_idx = _column + {{_all.first_post}};
            const size_t _idx = _row + _column;
        {% else %}
        const int32_t _postsynaptic_idx = _of;
        const size_t _column = _of - {{_all.start}};
        for (int32_t _line = 0; _line < {{_all.n_pre}}; _line++)
        {
            const int32_t _presynaptic_idx = _line + {{_all.first_pre}};
            const size_t _idx = (size_t) _line * {{_all.n_post}} + _column;
        {% endif %}
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
