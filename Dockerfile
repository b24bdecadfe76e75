# The pipeline with Airflow, from the lock file. Where this file was written there was no container
# engine, so it was never built: try it before you rely on it (docs/deploying.md).
FROM python:3.12-slim-bookworm

# GnuPG seals what leaves and opens the bureau's answers.
RUN apt-get update && apt-get install --yes --no-install-recommends gnupg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home reporting \
    && install -d -o reporting -g reporting -m 700 /home-folder /airflow

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY include ./include
COPY dags ./dags
COPY dbt_project ./dbt_project
COPY expectations ./expectations
COPY plugins ./plugins
COPY docs ./docs
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

USER reporting
ENV AIRFLOW_HOME=/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/app/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/app/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    REPORTING_HOME=/home-folder \
    REPORTING_LANDING=/landing
CMD ["reporting", "--help"]
