{# An all-to-all connection without delays reads the events where they stand: nothing is queued. With delays, Brian2's
   queue holds the synapses until their events arrive; its length is then more than one step. #}
{# USES_VARIABLES { _n_sources, _n_targets, delay, _source_dt } #}
{% extends 'common_group.cpp' %}
{% block before_code %}
    {% set scalar = c_data_type(variables['delay'].dtype) %}
    std::vector<{{scalar}}>& _delays = {{get_array_name(variables['delay'], access_data=False)}};
    bool _delayed = false;
    for (const {{scalar}} _delay : _delays)
        _delayed = _delayed || int(_delay / {{_source_dt}} + 0.5) != 0;
    if (_delayed)
        {{owner.name}}.prepare({{constant_or_scalar('_n_sources', variables['_n_sources'])}},
                               {{constant_or_scalar('_n_targets', variables['_n_targets'])}}, _delays.data(),
                               _delays.size(), {{owner.name}}.sources.data(), {{owner.name}}.sources.size(),
                               {{_source_dt}});
{% endblock %}
{% block maincode %}
    {% set events = get_array_name(eventspace_variable) %}
    if ({{owner.name}}.queue[0]->queue.size() > 1)
    {
        {{owner.name}}.advance();
        {{owner.name}}.push({{events}}, {{events}}[_num{{eventspace_variable.name}} - 1]);
    }
{% endblock %}
