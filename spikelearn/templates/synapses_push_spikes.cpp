{# An all-to-all connection without delays reads the events where they stand: nothing is queued. #}
{% extends 'common_group.cpp' %}
{% block maincode %}
{% endblock %}
