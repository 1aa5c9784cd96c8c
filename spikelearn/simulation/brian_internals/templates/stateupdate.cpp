{# Brian2's own loop over neurons or synapses, of which each changes only variables of its own, so that the compiler need
   not find out at run time whether their arrays overlap; it gives up where there are more than some five. glibc's
   vectorised exp (libmvec, within 4 units in the last place) may take part, which its headers offer only together with
   -ffinite-math-only. #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{{ super() }}
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
extern "C"
{
    __attribute__((simd("notinbranch"))) float expf(float) noexcept;
    __attribute__((simd("notinbranch"))) double exp(double) noexcept;
}
#endif
{% endblock %}
{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int _N = {{constant_or_scalar('N', variables['N'])}};
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
    for (int _idx = 0; _idx < _N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
