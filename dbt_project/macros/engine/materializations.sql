{#
    A table or view of a build store. The store belongs to one run and is read by no one before the
    step has ended: a model is written under its own name, in one transaction, instead of under
    another name that is then exchanged.
#}
{% materialization table, adapter="duckdb" %}
    {% do drop_relation_if_exists(load_cached_relation(this)) %}
    {% set relation = this.incorporate(type="table") %}
    {% call statement("main") %}{{ create_table_as(False, relation, compiled_code) }}{% endcall %}
    {% do adapter.commit() %}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
    {% do drop_relation_if_exists(load_cached_relation(this)) %}
    {% set relation = this.incorporate(type="view") %}
    {% call statement("main") %}{{ create_view_as(relation, compiled_code) }}{% endcall %}
    {% do adapter.commit() %}
    {{ return({"relations": [relation]}) }}
{% endmaterialization %}
