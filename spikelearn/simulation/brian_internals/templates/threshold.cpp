{# Which neurons have an event: all conditions first, in a loop that vectorises, then those that hold, without a branch
   for each neuron: sixteen at once where the processor can pack the indices of those that hold, else in blocks, of which
   those in which none holds are skipped. #}
{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{{ super() }}
#if defined(__AVX512BW__) && defined(__AVX512VL__)
#include <immintrin.h>
#endif
{% endblock %}
{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set _eventspace = get_array_name(eventspace_variable) %}
    alignas(8) char _holds[N + 32];
    for (size_t _idx = 0; _idx < N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        _holds[_idx] = _cond;
    }
    for (size_t _idx = N; _idx < N + 32; _idx++)
        _holds[_idx] = 0;
    long _count = 0;
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    __m512i _indices = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (size_t _first = 0; _first < N; _first += 16)
    {
        const __m128i _sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(_holds + _first));
        const __mmask16 _mask = _mm_test_epi8_mask(_sixteen, _sixteen);
        const int _found = __builtin_popcount(_mask);
        _mm512_mask_storeu_epi32({{_eventspace}} + _count, (1u << _found) - 1,
                                 _mm512_maskz_compress_epi32(_mask, _indices));
        _count += _found;
        _indices = _mm512_add_epi32(_indices, _mm512_set1_epi32(16));
    }
#else
    for (size_t _first = 0; _first < N; _first += 32)
    {
        const uint64_t* const _eight = reinterpret_cast<const uint64_t*>(_holds + _first);
        if ((_eight[0] | _eight[1] | _eight[2] | _eight[3]) == 0)
            continue;
        const size_t _last = _first + 32 < N ? _first + 32 : N;
        for (size_t _idx = _first; _idx < _last; _idx++)
        {
            {{_eventspace}}[_count] = _idx;         // counted only if it holds; _count never exceeds _idx
            _count += _holds[_idx];
        }
    }
#endif
    {% if _uses_refractory %}
    for (long _event = 0; _event < _count; _event++)
    {
        {{not_refractory}}[{{_eventspace}}[_event]] = false;
        {{lastspike}}[{{_eventspace}}[_event]] = {{t}};
    }
    {% endif %}
    {{_eventspace}}[N] = _count;
{% endblock %}

{% block after_code %}
{% set _eventspace = get_array_name(eventspace_variable) %}
{{_eventspace}}[N] = 0;
{% endblock %}
