{#
    A table or view of a build store. The store belongs to one run and is read by no one before the
    step has ended: a model is written under its own name, not under another one that is then
    exchanged. Hooks and indexes, which no model has, are refused rather than left out.
#}
{% macro require_plain_model() %}
    {% if pre_hooks or post_hooks or config.get("indexes") %}
        {% do exceptions.raise_compiler_error("hooks and indexes are not made here") %}
    {% endif %}
{% endmacro %}

{% materialization table, adapter="duckdb" %}
    {% do require_plain_model() %}
    {% do drop_relation_if_exists(load_cached_relation(this)) %}
    {% set relation = this.incorporate(type="table") %}
    {% call statement("main") %}{{ create_table_as(False, relation, compiled_code) }}{% endcall %}
    {% do adapter.commit() %}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
    {% do require_plain_model() %}
    {% do drop_relation_if_exists(load_cached_relation(this)) %}
    {% set relation = this.incorporate(type="view") %}
    {% call statement("main") %}{{ create_view_as(relation, compiled_code) }}{% endcall %}
    {% do adapter.commit() %}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}
