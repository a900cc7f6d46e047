def five_behaviours():
    def weights(reset, update, new_input, new_hidden):
        return {
            "reset": [0, reset],
            "update": [0, update],
            "new_input": [new_input, 0],
            "new_hidden": [new_hidden, 0],
        }

    return {
        "sum": weights(8, -8, 1, 1),
        "difference": weights(8, -8, 1, -1),
        "memory": weights(0, 9, 0, 0),
        "input": weights(-9, -9, 1, 0.5),
        "control": weights(0, 7, 1, 0),
    }
