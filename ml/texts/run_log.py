"""What learning from texts leaves in MLflow: once for the same result, in words, numbers and pictures. No
text.
"""

from datetime import date

from ml import tracking
from ml.settings import digest
from roundtrip.home import Home


def log(home: Home, as_of: date, summary: dict, parameters: dict) -> str:
    """A run of the experiment of texts; the id of the finished one where nothing has changed."""
    key = digest([summary, parameters])
    if done := tracking.finished_run_id(home, key, tracking.TEXTS):
        return done
    name, note = f"Texts up to {as_of} · 文本理解", describe(summary)
    noted = tracking.noted_run(home, tracking.TEXTS, name, key, as_of, note, status=summary["status"])
    with noted as (mlflow, run):
        mlflow.log_dict(parameters, "parameters.json")
        mlflow.log_metrics(_metrics(summary))
        for language, questions in summary["models"].items():
            for question, found in questions.items():
                figure = classes_picture(
                    found, f"{question} of texts in {language}, {found['rows']:,} labelled"
                )
                mlflow.log_figure(figure, f"plots/{question}_{language}.png")
        mlflow.log_dict(summary, "summary.json")
    return run.info.run_id


def describe(summary: dict) -> str:
    """The scores in words."""
    parts = [f"**{summary['texts']:,} texts** up to {summary['as_of']}."]
    for language, questions in summary["models"].items():
        for question, found in questions.items():
            accuracy, f1 = found["accuracy"], found["macro_f1"]
            words = (
                f"**{question}, {language}**: right for {accuracy['value']:.0%} ± "
                f"{accuracy['spread']:.0%} of "
                f"texts of customers it had not read ({found['rows']:,} labelled; always saying the "
                f"commonest class: {found['commonest_share']:.0%}); mean F1 of the classes "
                f"{f1['value']:.2f} ± {f1['spread']:.2f}; its probabilities are off by "
                f"{found['calibration_error']:.1%}."
            )
            if newest := found["newest"]:
                words += (
                    f" Learned from older texts only, it is right for {newest['accuracy']:.0%} of those "
                    f"since {newest['from']}."
                )
            parts.append(words)
    parts += [f"- {words[0].upper()}{words[1:]}." for words in summary["messages"]]
    return "\n\n".join(parts)


def classes_picture(found: dict, title: str):
    """Precision and recall of each class, the commonest first."""
    from ml.plots import blank_axes

    classes = sorted(found["classes"].items(), key=lambda item: -item[1]["rows"])
    figure, (ax,) = blank_axes(1, 7.2, 1.5 + 0.42 * len(classes))
    places = range(len(classes))[::-1]
    for measure, colour, shift in (("precision", "#0072B2", 0.18), ("recall", "#E69F00", -0.18)):
        values = [numbers[measure] for _, numbers in classes]
        ax.barh([place + shift for place in places], values, height=0.34, color=colour, label=measure)
    labels = [f"{name.replace('_', ' ')} ({numbers['rows']:,})" for name, numbers in classes]
    ax.set_yticks(list(places), labels, fontsize=8)
    ax.set_xlim(0, 1)
    ax.set_title(title, loc="left", fontsize=10)
    figure.legend(
        *ax.get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2, fontsize=8
    )
    return figure


def _metrics(summary: dict) -> dict[str, float]:
    found = {"texts": float(summary["texts"])}
    for language, questions in summary["models"].items():
        for question, scored in questions.items():
            name = f"{question}.{language}"
            found |= {
                f"{name}.accuracy": scored["accuracy"]["value"],
                f"{name}.macro_f1": scored["macro_f1"]["value"],
                f"{name}.macro_f1.spread": scored["macro_f1"]["spread"],
                f"{name}.calibration_error": scored["calibration_error"],
                f"{name}.rows": float(scored["rows"]),
            }
            if scored["newest"]:
                found[f"{name}.newest.accuracy"] = scored["newest"]["accuracy"]
    return found
