{# Which neurons have an event: all conditions first, in a loop that vectorises, then the few that hold. #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set _eventspace = get_array_name(eventspace_variable) %}
    alignas(8) char _holds[N + 8];
    for (size_t _idx = 0; _idx < N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        _holds[_idx] = _cond;
    }
    for (size_t _idx = N; _idx < N + 8; _idx++)
        _holds[_idx] = 0;
    long _count = 0;
    for (size_t _first = 0; _first < N; _first += 8)
    {
        if (*reinterpret_cast<const uint64_t*>(_holds + _first) == 0)
            continue;
        for (size_t _idx = _first; _idx < _first + 8; _idx++)
            if (_holds[_idx])
            {
                {{_eventspace}}[_count++] = _idx;
                {% if _uses_refractory %}
                {{not_refractory}}[_idx] = false;
                {{lastspike}}[_idx] = {{t}};
                {% endif %}
            }
    }
    {{_eventspace}}[N] = _count;
{% endblock %}

{% block after_code %}
{% set _eventspace = get_array_name(eventspace_variable) %}
{{_eventspace}}[N] = 0;
{% endblock %}
